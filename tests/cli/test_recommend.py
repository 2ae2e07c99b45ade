"""`medabl recommend` and the preset behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from medabl.engine import load_config
from medabl.experiments.recommend import recommendation
from tests.experiments.small_sweep import medabl

TINY = ("--set", "epochs=1", "--set", "width=2", "--set", "image_size=32,32",
        "--set", "slices_per_epoch=4", "--device", "cpu")  # fmt: skip


@pytest.mark.slow
def test_recommend_holds_every_subject_out_once_and_names_a_loss(
    cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    text = medabl("recommend", "--data", cohort, "--out", out, "--folds", 2, *TINY)
    table = pd.read_csv(out / "table.csv")
    assert {"cc_dice_ce_abl_repaired", "dice_ce", "gdl", "gdl_bl", "gdl_abl"} == set(
        table["method"]
    )
    assert set(table["source"]) == {"medabl"}
    assert "Wang et al. 2022" not in (out / "report.html").read_text()
    assert "has the highest mean 3D DSC (last epoch)" in text
    assert "Last epoch, evaluated on 6 validation subjects." in text
    assert "6 subjects are too few to show it" in text
    assert "Use the recipe's loss, CC-DiceCE + late ABL, repaired (medabl reproduce" in text
    assert "--preset recommended): no other is shown to be better" in text
    assert "subjects under the loss that was best on the others have" in text
    evaluated = [
        pd.read_csv(run / "evaluation" / "last.csv")["subject"]
        for run in (out / "runs").glob("cc_dice_ce_abl_repaired-*")
    ]
    subjects = pd.concat(evaluated)
    assert subjects.is_unique and len(subjects) == 6


def test_the_recommended_preset_trains_its_own_loss(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    medabl("reproduce", "--preset", "recommended", "--data", cohort, "--out", out,
           "--folds", 2, *TINY)  # fmt: skip
    assert [run.name.split("-")[1] for run in (out / "runs").iterdir()] == ["s0", "s0"]
    assert "there is nothing to compare it with" in (out / "answer.md").read_text()


def test_the_papers_losses_beside_the_recipe_are_as_published() -> None:
    published = load_config(["wmh.yaml"], {})
    beside = load_config(["wmh.yaml", "quick.yaml", "recommended.yaml"], {"method": "gdl_abl"})
    assert beside["losses"] == published["losses"]
    assert beside["methods"] == published["methods"]


@pytest.mark.parametrize(("preset", "rows"), [("quick", 3), ("recommended", 2)])
def test_published_numbers_stand_beside_those_of_the_papers_comparison_only(
    cohort: Path, tmp_path: Path, preset: str, rows: int
) -> None:
    out = tmp_path / "out"
    text = medabl("reproduce", "--preset", preset, "--data", cohort, "--out", out, "--losses",
                  "gdl", "--folds", 2, *TINY)  # fmt: skip
    assert len(pd.read_csv(out / "table.csv")) == rows
    assert ("published" in text.partition("Slice-wise")[0]) == (preset == "quick")


def test_data_are_all_it_has_to_be_told(tmp_path: Path) -> None:
    text = medabl("recommend", "--data", tmp_path / "nowhere", code=2)
    assert "nowhere is not a folder" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data", "{tmp}/nowhere"], "nowhere is not a folder"),
        (["--data", "{cohort}", "--folds", "9"], "9 folds cannot divide 6"),
        (["--data", "{cohort}", "--folds", "1"], "1 fold cannot divide 6 subjects; give 2 to 6."),
        (["--data", "{cohort}/Utrecht/0"], "0 holds 1 subject; a comparison needs at least two"),
        (["--data", "{cohort}", "--set", "method=gdl"], "method cannot be overridden"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    cohort: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    filled = [part.format(cohort=cohort, tmp=tmp_path) for part in arguments]
    assert expected in medabl("recommend", *filled, "--out", tmp_path / "out", code=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("subjects", "difference", "seeds", "said"),
    [
        (3, 0.2, 1, "Use the recipe's loss, CC-DiceCE .* 3 subjects are too few to show it"),
        (20, 0.01, 1, "no other is shown to be better; what 20 subjects show .* of 0.04 3D DSC"),
        (
            20,
            0.10,
            1,
            "^GDL is better than .*, CC-DiceCE .*, beyond noise: use it. .*--seeds 0,1,2",
        ),
        (20, 0.10, 3, "^GDL is better than .* beyond noise: use it.$"),
        (20, -0.10, 3, "Use the recipe's loss"),
    ],
)
def test_the_recipe_is_recommended_unless_another_is_shown_to_be_better(
    tmp_path: Path, subjects: int, difference: float, seeds: int, said: str
) -> None:
    smallest = 4 * 2.0 ** (1 - subjects)
    row = {"metric": "dsc", "epoch": "last", "method": "GDL", "reference": "CC-DiceCE",
           "subjects": subjects, "seeds": seeds, "mean_difference": difference,
           "detectable_difference": 0.04, "smallest_possible_p": smallest,
           "distinguishable": smallest <= 0.05 and abs(difference) > 0.04}  # fmt: skip
    pd.DataFrame([row]).to_csv(tmp_path / "tests.csv", index=False)
    assert re.search(said, recommendation(tmp_path))
