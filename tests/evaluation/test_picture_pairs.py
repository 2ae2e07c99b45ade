"""Predicted label pictures and their references, paired by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medabl.cli import app
from medabl.errors import InputError
from medabl.evaluation import match_pictures


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def streets(root: Path) -> Path:
    """Three pictures that train and two that validate, one of each unlabelled."""
    for side, labelled, bare in (("train", "ab", "c"), ("val", "d", "e")):
        touch(root, *(f"leftImg8bit/{side}/x/x_{n}_leftImg8bit.png" for n in labelled + bare))
        touch(root, *(f"gtFine/{side}/x/x_{n}_gtFine_labelIds.png" for n in labelled))
        touch(root, *(f"gtFine/{side}/x/x_{n}_gtFine_color.png" for n in labelled))
    return root


@pytest.mark.parametrize(
    "name", ["val/x/x_d.png", "x_d.png", "any/where/x_d_leftImg8bit.png", "x_d_pred_ids.png"]
)
def test_a_side_with_predictions_is_evaluated_whatever_names_another_program_gives(
    tmp_path: Path, name: str
) -> None:
    ref, pred = streets(tmp_path / "ref"), touch(tmp_path / "pred", name)
    assert match_pictures(pred, ref) == [
        (pred / name, ref / "gtFine/val/x/x_d_gtFine_labelIds.png")
    ]


def test_folders_of_no_layout_are_paired_by_path(tmp_path: Path) -> None:
    names = ["a.png", "sub/a.png", "b_c.png"]
    ref, pred = touch(tmp_path / "ref", *names), touch(tmp_path / "pred", *names, "note.txt")
    assert sorted(match_pictures(pred, ref)) == sorted((pred / n, ref / n) for n in names)
    assert match_pictures(pred / "a.png", ref / "b_c.png") == [(pred / "a.png", ref / "b_c.png")]


@pytest.mark.parametrize(
    ("pred", "expected"),
    [
        (["x_a.png"], "x_b_gtFine_labelIds.png has no prediction: .* no picture for train/x/x_b"),
        (["x_d.png", "z.png"], "z.png has no reference: .*ref holds none of that name"),
        (["x_c.png"], "x_c.png has no reference"),
        (["x_d.png", "val/x/x_d.png"], "x_d.png are both of val/x/x_d; keep one"),
        (["note.txt"], r"has no prediction: .* \(and 2 more like it\)"),
    ],
)
def test_what_has_no_fellow_or_several_is_named(
    tmp_path: Path, pred: list[str], expected: str
) -> None:
    ref = streets(tmp_path / "ref")
    with pytest.raises(InputError, match=expected):
        match_pictures(touch(tmp_path / "pred", *pred), ref)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--pred {p} --ref {p}/nowhere --task cityscapes.yaml", "nowhere does not exist"),
        ("--pred {p} --ref {p}/a.png --task ade20k.yaml", "must be two files or two folders"),
        ("--pred {p} --ref {p}/empty --task ade20k.yaml", "holds no label picture"),
        ("--pred {p} --ref {p} --task ade20k.yaml --resample", "--resample is of scans"),
        ("--pred {p} --ref {p} --task davis.yaml", "davis.yaml is of videos"),
        ("--pred {p} --ref {p}", "where it holds pictures, name their task (--task city"),
        ("--pred {p} --ref {p}/streets", "holds pictures (Cityscapes); name their task (--task"),
        ("--pred {p} --ref {p} --task mine.yaml", "mine.yaml cannot be read"),
    ],
)
def test_mistakes_at_the_command_line_are_one_sentence(
    tmp_path: Path, words: str, expected: str
) -> None:
    touch(tmp_path, "a.png", "empty/note.txt", "streets/leftImg8bit/note.txt")
    result = CliRunner().invoke(app, ["evaluate", *words.format(p=tmp_path).split()])
    assert result.exit_code == 2
    assert expected in re.sub(r"\s+", " ", result.output)
