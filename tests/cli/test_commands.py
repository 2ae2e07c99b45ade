"""The command as a user types it."""

from __future__ import annotations

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from medabl.cli import app
from medabl.files import read_json
from tests.conftest import write_subject

TINY = ["image_size=32,32", "width=2", "epochs=2"]
MINE = """
methods::mine:
  label: Dice + focal [mine]
  loss: {_target_: DiceFocalLoss, to_onehot_y: true, softmax: true}
  distance_map: []
"""
SETTINGS = [text for setting in TINY for text in ("--set", setting)]


def medabl(*arguments: object, code: int = 0) -> str:
    """Run the command; its output without line breaks of the terminal's width."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return re.sub(r"\s+", " ", result.output)


def asked(cohort: Path, out: Path) -> list[object]:
    """The comparison that `out` holds."""
    return ["--data", cohort / "Utrecht", "--out", out, "--device", "cpu", "--losses",
            "gdl,gdl_abl,mine", "--config", out.parent / "mine.yaml", *SETTINGS]  # fmt: skip


@pytest.fixture(scope="module")
def out(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of three losses on half a cohort, cross-validated, two at a time."""
    place = tmp_path_factory.mktemp("reproduce")
    folder = place / "out"
    (place / "mine.yaml").write_text(MINE)
    medabl("reproduce", *asked(cohort, folder), "--jobs", 2)
    return folder


def test_reproduce_leaves_table_figures_and_runs(out: Path) -> None:
    table = pd.read_csv(out / "table.csv")
    assert len(table) >= 4
    assert "GDL + ABL" in (out / "table.md").read_text()
    assert "Dice + focal [mine]" in set(table["label"])  # the user's own method
    assert (out / "table.tex").is_file()
    assert (out / "report.html").is_file()
    assert "Too few subjects to choose a loss." in (out / "answer.md").read_text()
    assert (out / "figures" / "boundary_evolution.png").is_file()
    runs = sorted(path.name for path in (out / "runs").iterdir())
    assert runs == [f"{m}-s0-f{f}" for m in ("gdl", "gdl_abl", "mine") for f in range(3)]
    held_out = [read_json(out / "runs" / f"gdl-s0-f{f}" / "split.json")["val"] for f in range(3)]
    assert sorted(held_out) == [["0"], ["14"], ["7"]]


def test_reproduce_again_does_only_what_is_missing(cohort: Path, out: Path) -> None:
    weights = {p: p.stat().st_mtime_ns for p in out.rglob("*.pt")}
    text = medabl("reproduce", *asked(cohort, out))
    assert text.count("was there already") == 9
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.pt")} == weights


def test_reproduce_refuses_other_settings_in_the_same_folder(cohort: Path, out: Path) -> None:
    text = medabl("reproduce", "--data", cohort / "Utrecht", "--out", out, "--modalities", "flair",
                  code=2)  # fmt: skip
    assert "other settings (modalities" in text


def test_predict_from_a_checkpoint_alone(cohort: Path, out: Path, tmp_path: Path) -> None:
    checkpoint = out / "runs" / "gdl-s0-f0" / "checkpoints" / "best.pt"
    scan = cohort / "Amsterdam" / "GE3T" / "21" / "pre"
    mask = tmp_path / "mask.nii.gz"
    medabl("predict", "--checkpoint", checkpoint, "--image", scan / "FLAIR.nii.gz",
           "--image", scan / "T1.nii.gz", "--out", mask)  # fmt: skip
    flair, predicted = nib.load(scan / "FLAIR.nii.gz"), nib.load(mask)
    assert predicted.shape == flair.shape
    np.testing.assert_array_equal(predicted.affine, flair.affine)
    text = medabl("predict", "--checkpoint", checkpoint, "--image", scan / "FLAIR.nii.gz",
                  "--out", mask, code=2)  # fmt: skip
    assert "trained on flair, t1" in text


def test_evaluate_and_report_on_the_runs(cohort: Path, out: Path, tmp_path: Path) -> None:
    predictions = out / "runs" / "gdl-s0-f0" / "predictions" / "best"
    (mask,) = predictions.iterdir()
    reference = cohort / "Utrecht" / mask.name.split(".")[0] / "wmh.nii.gz"
    csv = tmp_path / "e.csv"
    text = medabl("evaluate", "--pred", mask, "--ref", reference, "--out", csv)
    assert "dsc" in text
    for name in ("e", "e_lesions", "e_summary"):
        assert f"Table: {tmp_path / name}.csv" in text
    assert len(pd.read_csv(csv)) == 1
    medabl("report", out / "runs", "--out", tmp_path / "report", "--reference", "gdl")
    assert "GDL + ABL" in (tmp_path / "report" / "report.html").read_text()


def test_train(cohort: Path, tmp_path: Path) -> None:
    text = medabl("train", "wmh.yaml", "quick.yaml", f"data={cohort}", f"run_dir={tmp_path / 'r'}",
                  "method=gdl", "validation=2", *TINY)  # fmt: skip
    assert str(tmp_path / "r").split("/")[-1] in text
    assert read_json(tmp_path / "r" / "run.json")["status"] == "done"


def test_phantom(tmp_path: Path) -> None:
    text = medabl("phantom", tmp_path / "p", "--subjects", 2, "--size", "small")
    assert "2 subjects" in text
    assert len(list((tmp_path / "p").rglob("wmh.nii.gz"))) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["reproduce", "--data", "{tmp}/nowhere"], "nowhere is not a folder"),
        (["reproduce", "--data", "{tmp}"], "folders at any depth with pre/FLAIR"),
        (["reproduce", "--data", "{cohort}", "--modalities", "flair,t2"], "has no T2.nii.gz"),
        (["reproduce", "--data", "{cohort}", "--preset", "paper"], "at least 12"),
        (["reproduce", "--data", "{cohort}", "--folds", "9"], "9 folds cannot divide 6"),
        (["reproduce", "--data", "{cohort}/Utrecht/0"], "at least two"),
        (["reproduce", "--data", "{cohort}", "--seeds", "a"], "--seeds takes whole numbers"),
        (["reproduce", "--data", "{cohort}", "--device", "cuda:99"], "cuda:99"),
        (["reproduce", "--data", "{cohort}", "--device", "magic"], "device must be"),
        (["reproduce", "--data", "{cohort}", "--losses", "dice"], "method=dice is not known"),
        (["reproduce", "--data", "{cohort}", "--set", "epoch=3"], "did you mean epochs"),
        (["train", "data=x"], "at least one config file"),
        (["train", "wmh.yaml", "nonsense"], "neither a config file nor key=value"),
        (["predict", "--checkpoint", "x.pt", "--image", "a", "--out", "b.png"], ".nii.gz"),
        (["evaluate", "--pred", "{tmp}/a", "--ref", "{cohort}"], "does not exist"),
        (["report", "{tmp}"], "{tmp}"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence_and_no_traceback(
    arguments: list[str], expected: str, cohort: Path, tmp_path: Path
) -> None:
    where = {"tmp": tmp_path / "in", "cohort": cohort}
    where["tmp"].mkdir()
    words = [word.format(**where) for word in arguments]
    if words[0] == "reproduce":
        words += ["--out", str(tmp_path / "out")]
    text = medabl(*words, code=2)
    assert expected.format(**where) in text
    assert "Traceback" not in text
    assert not (tmp_path / "out").exists()


def test_an_output_folder_with_something_else_is_left_alone(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    text = medabl("reproduce", "--data", cohort, "--out", tmp_path, code=2)
    assert "holds something else" in text
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_reproduce_tells_whose_scans_stay_together_in_any_folder(tmp_path: Path) -> None:
    for seed, name in enumerate(("P1_T1", "P1_T2", "P2_T1", "P3_T1")):
        write_subject(tmp_path / "data" / name, seed)
    out = tmp_path / "exp#1 [a]"
    text = medabl("reproduce", "--data", tmp_path / "data", "--out", out, "--device", "cpu",
                  "--losses", "gdl", "--folds", 3, "--set", "epochs=1", "--set",
                  "slices_per_epoch=8", *SETTINGS[:4])  # fmt: skip
    assert "1 patient has more than one scan, kept on one side of every split (P1:" in text
    for fold in range(3):
        split = read_json(out / "runs" / f"gdl-s0-f{fold}" / "split.json")
        assert {"P1_T1", "P1_T2"} <= set(split["train"]) or {"P1_T1", "P1_T2"} == set(split["val"])
    assert (out / "report.html").is_file()


def test_evaluate_refuses_an_output_it_cannot_write_before_it_begins(
    cohort: Path, tmp_path: Path
) -> None:
    mask = cohort / "Utrecht" / "0" / "wmh.nii.gz"
    words = ["evaluate", "--pred", mask, "--ref", mask, "--out"]
    assert "x.txt must end in .csv" in medabl(*words, tmp_path / "x.txt", code=2)
    assert list(tmp_path.iterdir()) == []
