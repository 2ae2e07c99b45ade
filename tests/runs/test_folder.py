from __future__ import annotations

from pathlib import Path

import pytest

from medabl.errors import InputError
from medabl.files import read_json
from medabl.runs import FORMAT, RunFolder


def test_a_new_folder_is_absent_then_running_then_done(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path / "run")
    assert folder.status() == "absent"
    folder.begin({"method": "gdl"})
    assert folder.status() == "running"
    folder.update(status="done")
    assert folder.status() == "done"
    assert read_json(folder.info) == {
        "format": FORMAT, "name": "run", "method": "gdl", "status": "done"
    }  # fmt: skip


@pytest.mark.parametrize("leftover", [".~0a1b-run.json", "run.lock", "heartbeat.json", "log.txt"])
def test_what_a_killed_process_leaves_makes_no_other_folder(tmp_path: Path, leftover: str) -> None:
    (tmp_path / leftover).touch()
    assert RunFolder(tmp_path).status() == "absent"


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="exists and is no run folder; choose another one"):
        RunFolder(tmp_path).status()
    with pytest.raises(InputError, match="is no run folder"):
        RunFolder(tmp_path / "thesis.txt").status()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}'])
def test_a_description_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json cannot be read as a run's description"):
        RunFolder(tmp_path).status()


@pytest.mark.parametrize("text", ['{"status": "done"}', '{"format": 99, "status": "done"}'])
def test_a_run_of_another_version_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="made by another version of medabl"):
        RunFolder(tmp_path).status()


def test_every_subject_has_a_mask_of_its_own() -> None:
    folder = RunFolder(Path("run"))
    ids = ("A/x_1", "A_x/1", "A/x/1", "A/x.1", "A", "A/1")
    assert len({folder.prediction("best", subject) for subject in ids}) == len(ids)
