"""A run killed for good after its second epoch, and what may have changed when it goes on."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medabl.engine import train
from medabl.errors import InputError
from medabl.files import read_json, write_json
from medabl.runs import WHICH, RunFolder, load_checkpoint, save_checkpoint
from tests.conftest import write_subject
from tests.engine.interrupted import SETTINGS, Interrupted, same_run
from tests.small_runs import small_config


def test_it_ends_as_if_it_had_not_been_killed(interrupted: Interrupted, whole: RunFolder) -> None:
    resumed = interrupted.go_on()
    assert resumed.status() == "done"
    assert same_run(resumed, whole)
    assert pd.read_csv(resumed.timing)["epoch"].tolist() == [1, 2, 3]


def data_through_links(interrupted: Interrupted) -> None:
    """The same scans, as a folder of links to them."""
    moved = interrupted.data.with_name("archive")
    interrupted.data.rename(moved)
    for scan in ("Utrecht/0", "Utrecht/7", "Utrecht/14", "Amsterdam"):
        (interrupted.data / scan).parent.mkdir(parents=True, exist_ok=True)
        (interrupted.data / scan).symlink_to(moved / scan, target_is_directory=True)


def a_leftover_of_a_write(interrupted: Interrupted) -> None:
    (interrupted.run / "checkpoints" / ".~00-last.pt").write_bytes(b"half")
    (interrupted.run / ".~00-run.json").write_bytes(b"")


def the_newest_checkpoint_cut_short(interrupted: Interrupted) -> None:
    last = interrupted.run / "checkpoints" / "last.pt"
    last.write_bytes(last.read_bytes()[:1000])


def files_of_next_year(interrupted: Interrupted) -> None:
    """As if the clock had been set back."""
    later = time.time() + 365 * 86400
    for path in (*interrupted.run.rglob("*"), *interrupted.data.rglob("*")):
        os.utime(path, (later, later))


def rows_of_an_epoch_that_was_not_saved(interrupted: Interrupted) -> None:
    """Killed between epochs.csv and last.pt."""
    table = pd.read_csv(interrupted.run / "epochs.csv")
    more = pd.concat([table, table.tail(1).assign(epoch=3, train_loss=9.0)])
    more.to_csv(interrupted.run / "epochs.csv", index=False)


@pytest.mark.parametrize(
    "happened",
    [
        data_through_links,
        a_leftover_of_a_write,
        the_newest_checkpoint_cut_short,
        files_of_next_year,
        rows_of_an_epoch_that_was_not_saved,
    ],
)
def test_nothing_of_this_makes_a_difference(
    happened: Callable[[Interrupted], None], interrupted: Interrupted, whole: RunFolder
) -> None:
    happened(interrupted)
    assert same_run(interrupted.go_on(), whole)
    assert not list(interrupted.run.rglob(".~*"))


def test_other_hands_may_go_on(interrupted: Interrupted, whole: RunFolder) -> None:
    resumed = interrupted.go_on(num_workers=2, device="auto", cache_dir=str(interrupted.run / "c"))
    assert same_run(resumed, whole)


def a_subject_more(interrupted: Interrupted) -> None:
    write_subject(interrupted.data / "Utrecht" / "99", seed=99)


def a_subject_less(interrupted: Interrupted) -> None:
    shutil.rmtree(interrupted.data / "Amsterdam" / "GE3T" / "35")


def another_scan(interrupted: Interrupted) -> None:
    write_subject(interrupted.data / "Utrecht" / "0", seed=99)


def another_mask(interrupted: Interrupted) -> None:
    shutil.copy(
        interrupted.data / "Utrecht" / "7" / "wmh.nii.gz",
        interrupted.data / "Utrecht" / "14" / "wmh.nii.gz",
    )


def another_split(interrupted: Interrupted) -> None:
    split = read_json(interrupted.split)
    split["val"].append(split["train"].pop())
    write_json(interrupted.split, split)


def both_generations_damaged(interrupted: Interrupted) -> None:
    for name in ("last.pt", "last.previous.pt"):
        (interrupted.run / "checkpoints" / name).write_bytes(b"half")


def the_best_damaged(interrupted: Interrupted) -> None:
    (interrupted.run / "checkpoints" / "best.pt").write_bytes(b"half")


CHANGED = [
    (a_subject_more, "begun with other data: subject Utrecht/99 was added since"),
    (a_subject_less, "begun with other data: subject Amsterdam/GE3T/35 was gone since"),
    (another_scan, "the content of flair of subject Utrecht/0 changed since"),
    (another_mask, "the content of label of subject Utrecht/14 changed since"),
    (another_split, "begun with another split \\(train differs\\)"),
    (both_generations_damaged, "generation before cannot be read either"),
    (the_best_damaged, "best.pt cannot be read as a checkpoint"),
]


@pytest.mark.parametrize(("happened", "expected"), CHANGED)
def test_what_changed_is_named_and_nothing_is_written(
    happened: Callable[[Interrupted], None], expected: str, interrupted: Interrupted
) -> None:
    happened(interrupted)
    before = {path: path.read_bytes() for path in interrupted.run.rglob("*.*") if path.is_file()}
    before.pop(interrupted.run / "heartbeat.json")  # of the killed process
    with pytest.raises(InputError, match=expected):
        interrupted.go_on()
    after = {path: path.read_bytes() for path in interrupted.run.rglob("*.*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"epochs": 4}, r"other settings \(epochs: 3, now 4\)"),
        ({"learning_rate": 0.1}, r"other settings \(learning_rate: 0.001, now 0.1\)"),
        (
            {"optimizer.weight_decay": 0.1},
            r"other settings \(optimizer::weight_decay: None, now 0.1",
        ),
        ({"augmentation": []}, r"other settings \(augmentation"),
    ],
)
def test_another_setting_is_named(
    overrides: dict[str, Any], expected: str, interrupted: Interrupted
) -> None:
    with pytest.raises(InputError, match=expected):
        interrupted.go_on(**overrides)


def test_other_versions_are_a_warning_that_is_kept(
    interrupted: Interrupted, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = read_json(interrupted.run / "environment.json")
    environment["versions"]["monai"] = "0.9.0"
    write_json(interrupted.run / "environment.json", environment)
    resumed = interrupted.go_on()
    (warning,) = read_json(resumed.info)["warnings"]
    assert "monai 0.9.0 -> " in warning
    assert warning in capsys.readouterr().err


def test_the_generation_before_is_said(
    interrupted: Interrupted, capsys: pytest.CaptureFixture[str]
) -> None:
    the_newest_checkpoint_cut_short(interrupted)
    interrupted.go_on()
    said = capsys.readouterr().err
    assert "last.pt cannot be read as a checkpoint" in said
    assert "goes on from the checkpoint before it" in said


def test_a_finished_run_does_not_stand_for_other_data(
    interrupted: Interrupted, whole: RunFolder
) -> None:
    finished = interrupted.go_on()
    another_mask(interrupted)
    with pytest.raises(InputError, match="content of label of subject Utrecht/14 changed"):
        interrupted.go_on()
    assert finished.status() == "done"


def test_best_is_what_its_file_holds(interrupted: Interrupted) -> None:
    """Killed between best.pt and last.pt, on a device that does not repeat itself exactly."""
    path = RunFolder(interrupted.run).checkpoint("best")
    best = {"epoch": 3, "metric": 2.0}
    save_checkpoint(path, {**load_checkpoint(path), "epoch": 3, "best": best})
    resumed = interrupted.go_on()
    for which in WHICH:
        assert load_checkpoint(resumed.checkpoint(which))["best"] == best


@pytest.mark.parametrize("kept", [[], ["run.json", "config.yaml"]])
def test_a_run_killed_before_its_first_checkpoint_begins_again(
    kept: list[str], interrupted: Interrupted, whole: RunFolder
) -> None:
    """Whatever it had come to write; and with what was a mistake before mended."""
    for path in interrupted.run.iterdir():
        if path.name not in (*kept, "run.lock", "heartbeat.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (interrupted.run / "heartbeat.json").write_text(json.dumps({"half": True}))
    folder = interrupted.go_on(epochs=1)
    assert (folder.status(), len(pd.read_csv(folder.epochs))) == ("done", 1)


def test_a_clock_that_goes_backwards_makes_no_difference(
    cohort: Path,
    split: Path,
    tmp_path: Path,
    whole: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(2 * 10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    run = train(small_config(cohort, tmp_path / "run", split=str(split), **SETTINGS))
    assert same_run(run, whole)
