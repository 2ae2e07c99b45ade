"""The published slice-wise numbers of a run, as they were published: over all slices at once."""

from __future__ import annotations

import pandas as pd

from medabl.report.epochs import epoch_of
from medabl.report.runs import Runs

LOGGED = {"slice_dsc": "val_slice_dsc", "slice_hd_rows": "val_slice_hd_rows"}
"""Metric -> column of ``epochs.csv``."""


def logged_slice_metrics(runs: Runs, method: str, checkpoint: str) -> dict[str, float]:
    """Give the slice-wise metrics that training logged at a checkpoint's epoch.

    The published protocol averages over all validation slices, at the size the network sees;
    an evaluation of masks on disk averages over subjects, at the scans' own size. HD-rows depends
    on that size, so only the logged number compares with the published one.

    Args:
        runs: all runs.
        method: whose.
        checkpoint: ``"best"`` or ``"last"``.

    Returns:
        mean over seeds (of the mean over folds) under the metric's own name and the standard
        deviation over seeds as ``*_sd``; nothing if a run of the method has no log, or where a
        test set is evaluated, on which nothing was logged.
    """
    if any(run.tested for run in runs.of(method)):
        return {}
    rows = [
        {"seed": run.seed, **{name: float(row[column]) for name, column in LOGGED.items()}}
        for run in runs.of(method)
        if (row := epoch_of(run, checkpoint)) is not None and set(LOGGED.values()) <= set(row.index)
    ]
    if len(rows) < len(runs.of(method)):
        return {}
    by_seed = pd.DataFrame(rows).groupby("seed").mean()
    metrics = {}
    for name in LOGGED:
        metrics[name] = float(by_seed[name].mean())
        metrics[f"{name}_sd"] = float(by_seed[name].std(ddof=1))
    return metrics
