from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from medabl.report.runs import Run, Runs
from medabl.report.slice_protocol import logged_slice_metrics


def run(seed: int, fold: int, dsc: list[float], hd: list[float]) -> Run:
    epochs = pd.DataFrame({"epoch": [1, 2, 3], "val_slice_dsc": dsc, "val_slice_hd_rows": hd})
    return Run(f"a-{seed}-{fold}", "a", "A", seed, fold, Path("x"), {}, epochs)


RUNS = Runs(
    (
        run(0, 0, [0.1, 0.5, 0.3], [9, 2, 4]),
        run(0, 1, [0.7, 0.2, 0.2], [1, 6, 6]),
        run(1, 0, [0.1, 0.2, 0.8], [9, 9, 3]),
        run(1, 1, [0.4, 0.1, 0.1], [5, 9, 9]),
    )
)


def test_folds_are_averaged_then_seeds() -> None:
    """By hand: best epochs 2, 1 (seed 0: 0.6, 1.5) and 3, 1 (seed 1: 0.6, 4)."""
    best = logged_slice_metrics(RUNS, "a", "best")
    assert best["slice_dsc"] == pytest.approx(0.6)
    assert best["slice_hd_rows"] == pytest.approx((1.5 + 4) / 2)
    assert best["slice_hd_rows_sd"] == pytest.approx(2.5 / 2**0.5)
    last = logged_slice_metrics(RUNS, "a", "last")
    assert last["slice_dsc"] == pytest.approx((0.25 + 0.45) / 2)


def test_without_a_log_there_is_nothing() -> None:
    partly = Runs((*RUNS.runs[:-1], replace(RUNS.runs[-1], epochs=None)))
    assert logged_slice_metrics(partly, "a", "best") == {}
    assert logged_slice_metrics(RUNS, "a", "file") == {}
