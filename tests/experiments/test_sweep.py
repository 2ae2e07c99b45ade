"""A sweep with sound and poisoned runs, through the command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from medabl.files import read_json
from tests.experiments.poisoned_losses import MENDED
from tests.experiments.small_sweep import ROOT, medabl, write_sweep, written

POISONED = """
methods::{name}:
  label: {name}
  loss: {{_target_: tests.experiments.poisoned_losses.{loss}}}
  distance_map: []
"""
METHODS = {"raises": "Raises", "no_number": "NoNumber", "turns": "Turns"}
GOOD = ("method=gdl,seed=0", "method=gdl_abl,seed=0", "method=gdl,seed=1")


@pytest.fixture(scope="module")
def place(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweep's file and its base config."""
    folder = tmp_path_factory.mktemp("sweep")
    text = "".join(POISONED.format(name=name, loss=loss) for name, loss in METHODS.items())
    (folder / "mine.yaml").write_text(text)
    write_sweep(
        folder / "sweep.yaml",
        cohort,
        base=["wmh.yaml", "mine.yaml"],  # beside the sweep's file, not in the working directory
        set={"slice_axis": "coronal"},
        grid={"method": ["raises", "gdl", "no_number", "gdl_abl"], "seed": [0]},
        list=[{"method": "gdl", "seed": 1}, {"method": "turns", "epochs": 200}],
    )
    return folder


@pytest.fixture(scope="module")
def environment(place: Path) -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(ROOT))
    patch.setenv("OMP_NUM_THREADS", "1")
    patch.setenv(MENDED, str(place / "mended"))
    yield patch
    patch.undo()


@pytest.fixture(scope="module")
def told(place: Path, environment: pytest.MonkeyPatch) -> str:
    """What the sweep said when it was carried out for the first time."""
    sweep, out = place / "sweep.yaml", place / "out"
    return medabl("sweep", sweep, "--out", out, "--jobs", 2, "--stop-collapsed", code=1)


@pytest.fixture(scope="module")
def table(place: Path, told: str) -> pd.DataFrame:
    csv = place / "results.csv"
    assert "3 of 6 runs are not done: 2 failed, 1 stopped." in medabl(
        "results", place / "out", "--out", csv
    )
    table = pd.read_csv(csv)
    return table.set_index(table["run"].str.rpartition("-")[0])


def test_sound_runs_are_done_whatever_happens_to_the_others(table: pd.DataFrame) -> None:
    assert len(table) == 6
    assert all(table.loc[name, "state"] == "done" for name in GOOD)
    assert table.loc[list(GOOD), "best_dsc"].notna().all()


def test_the_end_names_what_is_not_done_and_how_to_begin_it_again(told: str) -> None:
    assert "3 of 6 runs are not done (method=raises,seed=0-" in told
    assert "failed, KeyError: 'my [b]own[/b] mistake'); --retry-failed begins them again." in told


def test_a_failed_run_keeps_its_error_and_its_log(place: Path, table: pd.DataFrame) -> None:
    row = table.loc["method=raises,seed=0"]
    assert (row["state"], row["error"]) == ("failed", "KeyError: 'my [b]own[/b] mistake'")
    log = (place / "out" / row["run"] / "log.txt").read_text()
    assert "poisoned_losses.py" in log
    assert "Traceback" in log


def test_a_run_that_diverges_is_flagged(told: str, table: pd.DataFrame) -> None:
    row = table.loc["method=no_number,seed=0"]
    assert (row["state"], row["flag"], row["epoch"]) == ("failed", "diverged", 0)
    assert "NaN or infinite in epoch 1, step 1" in row["error"]
    assert re.search(r"no_number, seed=0: diverged, The loss is NaN", told)


def test_a_run_that_collapses_is_flagged_and_stopped(told: str, table: pd.DataFrame) -> None:
    row = table.loc["method=turns,epochs=200"]
    assert (row["state"], row["flag"]) == ("stopped", "collapsed")
    assert 50 < row["epoch"] < 200
    assert f"Stopped in epoch {row['epoch']}: its key metric had fallen from" in row["error"]
    assert "turns, epochs=200: stopped" in told


def test_each_run_prints_into_its_own_log(place: Path, told: str) -> None:
    (log,) = (place / "out").glob("method=gdl_abl,seed=0-*/log.txt")
    assert re.findall(r"epoch (\d)/3", log.read_text()) == ["1", "2", "3"]
    assert "GDL + ABL" not in told


def test_data_are_checked_once_and_preprocessed_once_for_all(place: Path, told: str) -> None:
    out = place / "out"
    assert told.count("voxels of") == 1  # the doubt about the slices' axis
    assert "voxels of" not in "".join(log.read_text() for log in out.glob("*/log.txt"))
    cache = list((out / "cache").iterdir())
    assert len(cache) == 6  # subjects
    first = min(path.stat().st_mtime_ns for path in out.glob("*/run.json"))
    assert max(path.stat().st_mtime_ns for path in cache) < first


def test_begun_again_it_repeats_nothing(place: Path, told: str) -> None:
    before = written(place / "out")
    again = medabl("sweep", place / "sweep.yaml", "--out", place / "out", "--jobs", 2, code=1)
    assert "3 of 6 runs are not done" in again
    assert "running" not in again
    assert written(place / "out") == before


def test_a_sweep_that_grows_keeps_what_is_done_under_its_old_name(
    place: Path, told: str, tmp_path: Path
) -> None:
    sweep = yaml.safe_load((place / "sweep.yaml").read_text())
    del sweep["list"]
    sweep["grid"] = {"seed": [0], "alpha_end": [0.01], "method": ["gdl", "gdl_abl"]}
    (place / "grown.yaml").write_text(yaml.safe_dump(sweep))
    before = written(place / "out")
    medabl("sweep", place / "grown.yaml", "--out", place / "out")
    assert written(place / "out") == before


def test_retried_only_what_failed_is_begun_again_even_if_the_folder_was_moved(
    place: Path, told: str, tmp_path: Path
) -> None:
    out = shutil.copytree(place / "out", tmp_path / "moved")
    before = written(out)
    (place / "mended").touch()
    try:
        sweep = yaml.safe_load((place / "sweep.yaml").read_text())
        del sweep["list"]  # what no longer belongs to the sweep is left alone
        (place / "fewer.yaml").write_text(yaml.safe_dump(sweep))
        text = medabl("sweep", place / "fewer.yaml", "--out", out, "--retry-failed", code=1)
    finally:
        (place / "mended").unlink()
    assert "1 of 4 runs are not done (method=no_number" in text
    assert "gdl" not in text.replace("no_number", "")
    changed = {p.parts[0] for p, when in written(out).items() if before.get(p) != when}
    assert {name.rpartition("-")[0] for name in changed} == {
        "method=raises,seed=0",
        "method=no_number,seed=0",
    }
    (mended,) = out.glob("method=raises,seed=0-*")
    assert read_json(mended / "run.json")["status"] == "done"
    assert not (mended / "error.txt").exists()


def test_a_report_on_the_whole_folder_leaves_out_what_is_not_done(
    place: Path, told: str, tmp_path: Path
) -> None:
    medabl("report", place / "out", "--out", tmp_path / "report")
    rows = pd.read_csv(tmp_path / "report" / "table.csv")
    assert set(rows["label"]) == {"GDL", "GDL + ABL"}
    page = (tmp_path / "report" / "report.html").read_text()
    assert "method=raises" in page


def test_finished_runs_tell_what_others_like_them_will_take(place: Path, table) -> None:
    text = medabl("sweep", place / "sweep.yaml", "--out", place / "out", "--dry-run", code=2)
    assert re.search(r"method=gdl,seed=1-\w{8} done 3/3", text)
    assert re.search(r"method=raises,seed=0-\w{8} will fail: KeyError", text)
    assert "6 runs, 0 to be carried out, 1 at a time: about 0 s" in text
    timing = pd.read_csv(place / "out" / table.loc["method=gdl,seed=1", "run"] / "timing.csv")
    assert np.isfinite(timing["seconds"]).all()


def test_a_run_of_another_version_is_refused_by_name(place: Path, told: str, tmp_path) -> None:
    out = shutil.copytree(place / "out", tmp_path / "old")
    (run,) = out.glob("method=gdl,seed=1-*")
    text = (run / "run.json").read_text().replace('"format": 2', '"format": 1')
    (run / "run.json").write_text(text)
    for command in (["sweep", place / "sweep.yaml", "--out", out], ["results", out]):
        said = medabl(*command, code=2)
        assert f"{run} was made by another version of medabl (run format 1" in said
