"""Runs whose last epoch is far below their best one, which a table of best epochs hides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medabl.report.runs import Run, Runs

# A drop in Dice that no one would call fluctuation.
DROP = 0.1


@dataclass(frozen=True)
class Collapse:
    """A run that collapsed: its Dice at the best and at the last epoch, and where each was read."""

    run: str
    method: str
    seed: int
    measure: str
    best: float
    last: float
    best_epoch: int | None = None
    last_epoch: int | None = None


def best_epoch(epochs: pd.DataFrame) -> pd.Series:
    """Give the row of `epochs` with the highest validation slice DSC, the first of equals."""
    return epochs.iloc[int(np.nanargmax(epochs["val_slice_dsc"].to_numpy(dtype=float)))]


def find_collapses(runs: Runs) -> list[Collapse]:
    """Find runs that lose more than 0.1 Dice between best and last epoch.

    Looks at the 3D DSC of both evaluated checkpoints where the run has them, and otherwise at
    the validation slice DSC of its epochs.
    """
    found = [_judge(run) for run in runs.runs]
    return [collapse for collapse in found if collapse is not None]


def _judge(run: Run) -> Collapse | None:
    best, last = run.evaluations.get("best"), run.evaluations.get("last")
    by_epoch = _judge_epochs(run)
    if best is None or last is None or not all("dsc" in e.subjects for e in (best, last)):
        return by_epoch
    high, low = float(best.subjects["dsc"].mean()), float(last.subjects["dsc"].mean())
    if high - low > DROP:
        return Collapse(run.name, run.method, run.seed, "3D DSC", high, low)
    return by_epoch


def _judge_epochs(run: Run) -> Collapse | None:
    if run.epochs is None or run.epochs["val_slice_dsc"].dropna().empty:
        return None
    measured = run.epochs.dropna(subset=["val_slice_dsc"])
    top, end = best_epoch(measured), measured.iloc[-1]
    high, low = float(top["val_slice_dsc"]), float(end["val_slice_dsc"])
    if high - low <= DROP:
        return None
    measure = "validation slice DSC"
    epochs = int(top["epoch"]), int(end["epoch"])
    return Collapse(run.name, run.method, run.seed, measure, high, low, *epochs)
