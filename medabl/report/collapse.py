"""Runs whose last epoch is far below their best one, which a table of best epochs hides."""

from __future__ import annotations

from dataclasses import dataclass

from medabl.report.columns import validation_label
from medabl.report.epochs import epoch_of, validated_epochs
from medabl.report.runs import Run, Runs
from medabl.statistics.collapse import DROP, has_fallen


@dataclass(frozen=True)
class Collapse:
    """A run that collapsed: a measure at the best and at the last epoch, and where it was read."""

    run: str
    method: str
    seed: int
    measure: str
    best: float
    last: float
    best_epoch: int | None = None
    last_epoch: int | None = None


def find_collapses(runs: Runs) -> list[Collapse]:
    """Find runs that end far below their best epoch.

    Looks at the 3D DSC of both evaluated checkpoints where the run has them, and otherwise at
    the key metric in the log of its epochs; how far is far is `has_fallen`'s to say.
    """
    found = [_find_collapse(run) for run in runs.runs]
    return [collapse for collapse in found if collapse is not None]


def _find_collapse(run: Run) -> Collapse | None:
    best, last = run.evaluations.get("best"), run.evaluations.get("last")
    by_epoch = _in_log(run)
    if best is None or last is None or not all("dsc" in e.subjects for e in (best, last)):
        return by_epoch
    high, low = float(best.subjects["dsc"].mean()), float(last.subjects["dsc"].mean())
    if high - low > DROP:
        return Collapse(run.name, run.method, run.seed, "3D DSC", high, low)
    return by_epoch


def _in_log(run: Run) -> Collapse | None:
    top, end = epoch_of(run, "best"), epoch_of(run, "last")
    if top is None or end is None:
        return None
    first = float(validated_epochs(run)[run.key_metric].iloc[0])
    best, last = float(top[run.key_metric]), float(end[run.key_metric])
    if not has_fallen(first, best, last, run.higher_is_better):
        return None
    measure = validation_label(run.key_metric)
    epochs = int(top["epoch"]), int(end["epoch"])
    return Collapse(run.name, run.method, run.seed, measure, best, last, *epochs)
