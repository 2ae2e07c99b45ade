"""A table's numbers beside those of run folders, whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from medabl.errors import InputError
from medabl.experiments.measured import measure
from medabl.experiments.plan import PlannedRun
from medabl.experiments.published import read_published
from medabl.experiments.table_files import terminal_table, write_table
from medabl.runs import RunFolder


def _run(
    out: Path, values: dict[tuple[str, str], float] | None, status: str = "done", **varies: Any
) -> PlannedRun:
    """A run's folder with its metrics, as the engine leaves it."""
    name = "-".join(f"{key}={value}" for key, value in varies.items())
    folder = RunFolder(out / "runs" / name)
    folder.begin({})
    folder.update(status=status)
    if values is not None:
        rows = [{"metric": m, "class": c, "value": v} for (m, c), v in values.items()]
        pd.DataFrame(rows).to_csv(folder.natural_metrics, index=False)
    return PlannedRun({"run_dir": str(folder.path)}, varies)


def _of(miou: float, accuracy: float) -> dict[tuple[str, str], float]:
    return {("miou", "all"): miou, ("pixel_accuracy", "all"): accuracy, ("iou", "road"): 0.11}


@pytest.fixture
def runs(tmp_path: Path) -> list[PlannedRun]:
    """Two seeds of CE, one of CE + IoU that is done and one that failed."""
    return [
        _run(tmp_path, _of(0.70, 0.90), method="ce", seed=0),
        _run(tmp_path, _of(0.72, 0.94), method="ce", seed=1),
        _run(tmp_path, _of(0.75, 0.95), method="ce_iou", seed=0),
        _run(tmp_path, None, "failed", method="ce_iou", seed=1),
    ]


def test_a_row_is_the_mean_over_its_runs_in_percent(runs: list[PlannedRun]) -> None:
    ce, *_ = measure(read_published(1), runs)
    assert ce.values == pytest.approx([71.0, 92.0])
    assert ce.deviations == pytest.approx([2**0.5, 8**0.5])
    assert (ce.runs, ce.wanted) == (2, 2)


def test_what_is_not_done_is_left_out_and_said(runs: list[PlannedRun], tmp_path: Path) -> None:
    table = read_published(1)
    write_table(table, 1, measure(table, runs), None, tmp_path)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert "| CE + IoU | published | 80.20 | 96.30 |" in lines
    assert "| CE + IoU | medabl, miniature: 1 of 2 runs done | 75.00 | 95.00 |" in lines
    assert "| CE | medabl, miniature, 2 runs | 71.00 ± 1.41 | 92.00 ± 2.83 |" in lines
    assert "| CE + IABL | medabl, miniature: not in the sweep | - | - |" in lines


def test_others_methods_are_listed_as_published(tmp_path: Path) -> None:
    table = read_published(4)
    run = _run(tmp_path, {("miou_ms", "all"): 0.5}, method="iabl", net="ocr", seed=0)
    write_table(table, 4, measure(table, [run]), tmp_path / "data", tmp_path)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert "| DANet (2019) | ResNet-101 + MG | 8x | published, not run here | 81.50 |" in lines
    assert sum("DANet" in line for line in lines) == 1
    assert "| OCR + IABL | HRNetV2-W48 | 4x | medabl | 50.00 |" in lines


def test_the_csv_has_published_and_measured_side_by_side(
    runs: list[PlannedRun], tmp_path: Path
) -> None:
    table = read_published(1)
    write_table(table, 1, measure(table, runs), None, tmp_path)
    csv = pd.read_csv(tmp_path / "table.csv").set_index(["loss", "metric"])
    row = csv.loc[("CE", "miou")]
    assert (row["published"], row["medabl"], row["runs"]) == (79.5, pytest.approx(71.0), 2)
    assert set(csv["data"]) == {"miniature"}


def test_the_miniature_is_marked_and_real_data_are_named(tmp_path: Path) -> None:
    table = read_published(1)
    write_table(table, 1, measure(table, []), None, tmp_path)
    assert (
        "MINIATURE: our numbers are of small generated data" in (tmp_path / "table.md").read_text()
    )
    write_table(table, 1, measure(table, []), Path("cityscapes"), tmp_path)
    text = (tmp_path / "table.md").read_text()
    assert "MINIATURE" not in text
    assert "Our numbers are of cityscapes, the published ones of the Cityscapes validation" in text


def test_of_a_class_wise_table_the_terminal_shows_the_means_and_the_files_all(
    tmp_path: Path,
) -> None:
    table = read_published(6)
    values = {("boundary_f_1px", "all"): 0.4, ("boundary_f_1px", "pole"): 0.6}
    rows = measure(table, [_run(tmp_path, values, method="ce", seed=0)])
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(terminal_table(table, 6, rows, None))
    shown = console.export_text()
    assert "40.00" in shown
    assert "60.00" not in shown
    write_table(table, 6, rows, None, tmp_path)
    csv = pd.read_csv(tmp_path / "table.csv").set_index(["dilation", "method", "class"])
    assert csv.loc[("1px", "OCR", "pole"), "medabl"] == pytest.approx(60)
    assert csv.loc[("1px", "OCR", "pole"), "published"] == 61.0
    assert len(csv) == 9 * 20


def test_a_run_without_its_metrics_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, None, method="ce", seed=0)
    with pytest.raises(InputError, match=r"natural_metrics\.csv cannot be read as a run's metrics"):
        measure(read_published(1), [run])
    run.folder.natural_metrics.write_text("name,value\nmiou,1\n")
    with pytest.raises(InputError, match="must have the columns metric, class, value"):
        measure(read_published(1), [run])
