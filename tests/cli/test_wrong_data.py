"""`medabl train` with the data of another task: what was expected, and what was found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medabl.cli import app
from tests.conftest import write_subject


def empty(root: Path) -> Path:
    root.mkdir()
    return root


def unknown(root: Path) -> Path:
    for name in "abcdefg":
        (root / name).mkdir(parents=True)
    return root


def file(root: Path) -> Path:
    root.write_text("")
    return root


def scans(root: Path) -> Path:
    write_subject(root / "s0", 0)
    return root


def streets(root: Path) -> Path:
    (root / "leftImg8bit" / "train").mkdir(parents=True)
    return root


def rooms(root: Path) -> Path:
    (root / "images" / "training").mkdir(parents=True)
    return root


def videos(root: Path) -> Path:
    (root / "JPEGImages" / "480p").mkdir(parents=True)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    (root / "ImageSets" / "2016" / "train.txt").write_text("")
    return root


STREETS = r"looked for leftImg8bit/train/CITY/\*_leftImg8bit.png with gtFine .* \(Cityscapes\)"


@pytest.mark.parametrize(
    ("config", "write", "expected"),
    [
        ("cityscapes.yaml", scans, r"holds scans \(WMH challenge\), but the task cityscapes needs"),
        ("cityscapes.yaml", scans, rf"needs pictures: {STREETS}\."),
        ("cityscapes.yaml", rooms, rf"holds pictures \(ADE20K\), .* {STREETS}"),
        ("cityscapes.yaml", empty, rf"holds nothing, .* {STREETS}"),
        ("cityscapes.yaml", unknown, rf"holds a, b, c, d and 3 more, .* {STREETS}"),
        ("cityscapes.yaml", file, "is not a folder"),
        ("ade20k.yaml", streets, r"holds pictures \(Cityscapes\), .* images/training/\*\.jpg"),
        ("ade20k.yaml", videos, r"holds videos \(DAVIS\), but the task ade20k needs pictures"),
        ("davis.yaml", streets, r"holds pictures \(Cityscapes\), but the task davis needs videos"),
        ("davis.yaml", scans, r"looked for JPEGImages/480p/ .*\(DAVIS\); train/JPEGImages/"),
        ("wmh.yaml", streets, "holds pictures or videos, .* or name the folder of the scans"),
        ("wmh.yaml", videos, "holds pictures or videos, .* or name the folder of the scans"),
        ("wmh.yaml", empty, "No subject below"),
    ],
)  # fmt: skip
def test_what_was_expected_and_what_was_found_is_said(
    tmp_path: Path, config: str, write, expected: str
) -> None:
    data, run = write(tmp_path / "data"), tmp_path / "run"
    words = ["train", config, f"data={data}", f"run_dir={run}", "device=cpu"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, repr(result.exception)
    assert str(data) in result.output
    assert re.search(f"^Error: .*{expected}", result.output), result.output
    assert not run.exists()


def test_a_table_may_list_any_data_and_a_task_without_a_layout_takes_any_pictures(
    tmp_path: Path,
) -> None:
    """Such data get as far as being read."""
    from medabl.data import check_suitable
    from medabl.engine import load_config, settings_of

    task = settings_of(load_config(["cityscapes.yaml"], {})).task
    table = tmp_path / "subjects.csv"
    table.write_text("subject,rgb,mask\n")
    check_suitable(table, task)
    check_suitable(rooms(tmp_path / "rooms"), task.model_copy(update={"layout": None}))


def test_a_layout_that_is_none_is_named(tmp_path: Path) -> None:
    words = ["train", "ade20k.yaml", "task.layout=ADE", f"data={tmp_path}", "run_dir=r"]
    result = CliRunner().invoke(app, words)
    assert "task::layout=ADE is none of the known layouts: Decathlon, nnU-Net" in result.output
