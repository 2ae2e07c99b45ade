"""One table of all runs, printed, filtered and written; from run folders made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from medabl.experiments import gather_results
from medabl.files import write_json
from tests.experiments.small_sweep import medabl

NAN = float("nan")


def write_run(
    root: Path, name: str, status: str, dice: list[float], error: str = "", **config: Any
) -> None:
    """A run folder with a log of epochs and, if done, evaluations of two subjects."""
    folder = root / name
    folder.mkdir(parents=True)
    config = {"method": "gdl", "seed": 0, "fold": 0, "epochs": 6, "run_dir": str(folder), **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    info = {"format": 2, "name": name, "status": status, "method": config["method"]}
    write_json(folder / "run.json", {**info, **({"error": error} if error else {})})
    epochs = range(1, len(dice) + 1)
    log = pd.DataFrame({"epoch": epochs, "train_loss": 0.5, "val_slice_dsc": dice})
    log.to_csv(folder / "epochs.csv", index=False)
    timing = pd.DataFrame({"epoch": epochs, "seconds": 2.0})
    timing.to_csv(folder / "timing.csv", index=False)
    if status == "done":
        for which, value in (("best", max(dice)), ("last", dice[-1])):
            rows = {"subject": ["a", "b"], "dsc": [value, value + 0.1], "hd95_mm": [NAN, 4.0]}
            (folder / "evaluation").mkdir(exist_ok=True)
            pd.DataFrame(rows).to_csv(folder / "evaluation" / f"{which}.csv", index=False)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    rising = [0.1, 0.3, 0.5, 0.6, 0.65, 0.7]
    write_run(root, "sound", "done", rising, learning_rate=0.0001)
    write_run(root, "deep/collapsed", "done", [0.1, 0.5, 0.7, 0.4, 0.3, 0.2], method="gdl_abl",
              learning_rate=0.002)  # fmt: skip
    write_run(root, "halfway", "running", rising[:3], seed=1, learning_rate=0.002)
    write_run(root, "broken", "failed", rising[:2], "The loss is NaN.", method="mine [b]",
              learning_rate=0.002)  # fmt: skip
    planned = {"method": "gdl_bl", "seed": 0, "fold": 0, "epochs": 6, "learning_rate": 0.002}
    (root / "planned").mkdir()
    (root / "planned" / "planned.yaml").write_text(yaml.safe_dump(planned))
    return root


def test_every_run_has_a_row_with_what_varies_its_state_and_its_metrics(runs: Path) -> None:
    table = gather_results(runs).set_index("run")
    assert list(table.index) == ["broken", "deep/collapsed", "halfway", "planned", "sound"]
    assert dict(table["state"]) == {
        "sound": "done", "deep/collapsed": "done", "halfway": "interrupted", "broken": "failed",
        "planned": "pending",
    }  # fmt: skip
    assert table.loc["sound", "best_dsc"] == pytest.approx(0.75)
    assert table.loc["sound", "best_hd95_mm"] == 4.0  # the subject without a distance left out
    assert table.loc["deep/collapsed", ["best_dsc", "last_dsc"]].tolist() == pytest.approx(
        [0.75, 0.25]
    )
    assert dict(table["flag"][table["flag"] != ""]) == {
        "deep/collapsed": "collapsed", "broken": "diverged",
    }  # fmt: skip
    assert table.loc["halfway", ["epoch", "epochs", "seconds"]].tolist() == [3, 6, 6.0]
    assert table.loc["sound", "learning_rate"] == 0.0001
    assert table.loc["broken", "error"] == "The loss is NaN."


def test_the_printed_table_says_what_is_not_done_and_why(runs: Path) -> None:
    said = medabl("results", runs)
    assert "gdl 0 0.0001 done 6 0.750 0.750" in said
    assert "mine [b] 0 0.002 failed diverged 2" in said
    assert "3 of 5 runs are not done:" in said
    assert "broken: The loss is NaN." in said


def test_rows_and_columns_can_be_chosen_and_sorted(runs: Path) -> None:
    said = medabl("results", runs, "--where", "best_dsc > 0.5", "--sort", "-last_dsc",
                  "--columns", "run,last_dsc")  # fmt: skip
    assert said.strip() == "run last_dsc sound 0.750 deep/collapsed 0.250"
    by_name = medabl("results", runs, "--sort", "method", "--columns", "method,run")
    assert by_name.startswith("method run gdl halfway gdl sound gdl_abl deep/collapsed gdl_bl")


def test_a_distance_that_wavers_has_not_collapsed(tmp_path: Path) -> None:
    write_run(tmp_path, "run", "done", [0.1] * 6)
    folder = tmp_path / "run"
    task = {"name": "t", "classes": ["background", "x"], "labels": {0: "background", 1: "x"},
            "key_metric": "val_hd95", "higher_is_better": False}  # fmt: skip
    write_json(folder / "run.json", {"format": 2, "name": "run", "status": "done", "task": task})

    def flag(*distances: float) -> str:
        log = pd.DataFrame({"epoch": range(1, 7), "train_loss": 0.5, "val_hd95": distances})
        log.to_csv(folder / "epochs.csv", index=False)
        return str(gather_results(tmp_path)["flag"][0])

    assert flag(40, 20, 10, 10.5, 10.9, 10.6) == ""
    assert flag(40, 20, 10, 35, 36, 37) == "collapsed"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_file_holds_what_the_table_does(runs: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        # The newest ones do not work with the oldest NumPy that medabl does.
        pytest.importorskip("pyarrow", reason="no pyarrow that works", exc_type=ImportError)
    path = tmp_path / f"table{suffix}"
    medabl("results", runs, "--out", path, "--sort", "run")
    read = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    expected = gather_results(runs)
    assert list(read) == list(expected)
    for name in ("run", "state", "best_dsc", "seed", "learning_rate", "epoch"):
        assert read[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)


def test_parquet_without_pyarrow_says_what_to_install(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    said = medabl("results", runs, "--out", tmp_path / "t.parquet", code=2)
    assert "needs pyarrow (" in said and "pip install medabl[parquet]" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--sort", "dice"], "There is no column 'dice'; there are run, state"),
        (["--columns", "run,dice"], "There is no column 'dice'"),
        (["--where", "best_dsc >"], "--where 'best_dsc >' is no condition on the columns"),
        (["--where", "dice > 1"], "is no condition on the columns"),
        (["--where", "best_dsc"], "is no condition on the columns"),
        (["--out", "table.xlsx"], "table.xlsx must end in .csv or .parquet"),
    ],
)
def test_a_mistake_gets_one_sentence(runs: Path, options: list[str], expected: str) -> None:
    assert expected in medabl("results", runs, *options, code=2)


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    assert f"{tmp_path} holds no run" in medabl("results", tmp_path, code=2)
