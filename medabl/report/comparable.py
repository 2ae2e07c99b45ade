"""Whether loaded runs can be compared at all; a sentence where they cannot."""

from __future__ import annotations

from medabl.errors import InputError
from medabl.report.runs import FILE, Run, Runs
from medabl.report.words import listed, shortened


def check_comparable(runs: Runs) -> None:
    """Check that runs differ where they should and agree where they must.

    Raises:
        InputError: two runs claim the same method, seed and fold, folds overlap, or the runs
            have no checkpoint or metric in common, or other tasks or subjects.
    """
    _check_distinct(runs)
    _check_same_task(runs)
    if not runs.checkpoints:
        raise InputError(
            "The runs have no evaluated checkpoint in common: evaluate best.pt or last.pt of each."
        )
    if not runs.metrics:
        raise InputError("The evaluations have no metric in common: evaluate them the same way.")
    for checkpoint in runs.checkpoints:
        _check_folds(runs, checkpoint)
        _check_same_subjects(runs, checkpoint)


def _check_distinct(runs: Runs) -> None:
    seen: dict[tuple[str, int, int], Run] = {}
    for run in runs.runs:
        key = (run.method, run.seed, run.fold)
        if key in seen:
            raise InputError(
                f"Runs {_place(seen[key])} and {_place(run)} are both method {run.method}, seed "
                f"{run.seed}, fold {run.fold}: give one of them, or give them different labels."
            )
        seen[key] = run


def _check_same_task(runs: Runs) -> None:
    evaluated: dict[tuple[str, ...], Run] = {}
    for run in runs.runs:
        if run.task is not None:
            evaluated.setdefault(run.task.evaluated, run)
    if len(evaluated) > 1:
        (one, first), (other, second) = list(evaluated.items())[:2]
        raise InputError(
            f"Runs {_place(first)} and {_place(second)} segment different classes "
            f"({listed(one)}; {listed(other)}): report on them one task at a time."
        )


def _check_folds(runs: Runs, checkpoint: str) -> None:
    tidy = runs.subjects(checkpoint)
    twice = tidy[tidy.duplicated(["method", "seed", "subject"])]
    if not twice.empty:
        row = twice.iloc[0]
        raise InputError(
            f"Subject {row['subject']} is evaluated in two folds of {row['method']}, seed "
            f"{row['seed']}: folds must hold different subjects."
        )


def _check_same_subjects(runs: Runs, checkpoint: str) -> None:
    tidy = runs.subjects(checkpoint)
    groups = [("", tidy)] + [(f" with seed {seed}", part) for seed, part in tidy.groupby("seed")]
    unfinished = shortened([name for name, _ in runs.unfinished])
    hint = f" Unfinished runs were left out: {unfinished}." if unfinished else ""
    for where, part in groups:
        held = {m: set(part.loc[part["method"] == m, "subject"]) for m in part["method"].unique()}
        every = set().union(*held.values())
        lacking = [(m, sorted(every - subjects)) for m, subjects in held.items()]
        complaints = [f"{m} lacks {shortened(missing)}" for m, missing in lacking if missing]
        if complaints:
            raise InputError(
                f"The methods were evaluated on different subjects{where}: "
                f"{'; '.join(complaints)}. Evaluate the same subjects for each method.{hint}"
            )


def _place(run: Run) -> str:
    return str(run.folder if run.folder is not None else run.evaluations[FILE].path)
