from pathlib import Path
from typing import Any

import pytest

from medabl.data import Subject
from medabl.errors import InputError
from medabl.experiments import Comparison, plan_comparison


def plan(subjects: int, preset: str = "quick", **arguments: Any) -> Comparison:
    scans = [Subject(f"s{number}", "", {}, None) for number in range(subjects)]
    return plan_comparison(preset, Path("data"), Path("out"), scans, **arguments)


def configs(comparison: Comparison) -> list[dict[str, Any]]:
    return [run.config for run in comparison.runs]


def test_every_method_with_every_seed_in_a_folder_of_its_own() -> None:
    comparison = plan(60, "paper", seeds=(0, 1))
    names = [run.name for run in comparison.runs]
    assert names == ["gdl-s0", "gdl_bl-s0", "gdl_abl-s0", "gdl-s1", "gdl_bl-s1", "gdl_abl-s1"]
    assert comparison.folds is None
    assert {(c["seed"], c["method"]) for c in configs(comparison)} == {
        (s, m) for s in (0, 1) for m in ("gdl", "gdl_bl", "gdl_abl")
    }
    assert len({c["split_seed"] for c in configs(comparison)}) == 1


def test_a_few_subjects_are_held_out_in_turn() -> None:
    comparison = plan(3, methods=["gdl"])
    assert comparison.folds == 3
    assert [c["fold"] for c in configs(comparison)] == [0, 1, 2]


def test_scans_of_one_patient_are_held_out_together() -> None:
    scans = [Subject(f"P{p}_T{t}", "", {}, None) for p in (1, 2) for t in (1, 2)]
    assert plan_comparison("quick", Path("data"), Path("out"), scans).folds == 2


def test_more_are_split_once_unless_folds_are_asked_for() -> None:
    assert plan(6).folds is None
    assert plan(6, folds=2, methods=["gdl"]).folds == 2


def test_overrides_reach_every_run() -> None:
    assert {c["epochs"] for c in configs(plan(16, overrides={"epochs": 5}))} == {5}


def test_too_few_patients_are_told_from_too_few_scans() -> None:
    scans = [Subject(f"P{p}_T{t}", "", {}, None) for p in (1, 2, 3) for t in (1, 2)]
    with pytest.raises(InputError, match=r"^4 folds cannot divide 3 patients; give 2 to 3\.$"):
        plan_comparison("quick", Path("data"), Path("out"), scans, folds=4)
    with pytest.raises(InputError, match=r"The 2 subjects of data are scans of one patient .*none"):
        plan_comparison("quick", Path("data"), Path("out"), scans[:2])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"subjects": 1}, "at least two"),
        ({"subjects": 11, "preset": "paper"}, "needs at least 12, but data holds 11"),
        ({"subjects": 1, "folds": 2}, "holds 1 subject; a comparison needs at least two, one to"),
        ({"subjects": 6, "folds": 7}, r"^7 folds cannot divide 6 subjects; give 2 to 6\.$"),
        ({"subjects": 6, "folds": 1}, r"^1 fold cannot divide 6 subjects; give 2 to 6\.$"),
        ({"subjects": 2, "folds": 3}, r"^3 folds cannot divide 2 subjects; give 2\.$"),
        ({"subjects": 9, "methods": ["hinge"]}, "method=hinge is not known"),
        ({"subjects": 9, "overrides": {"seed": 3}}, "seed cannot be overridden here"),
        ({"subjects": 9, "folds": 3, "overrides": {"split": "s"}}, "either folds or split"),
    ],
)
def test_what_cannot_be_planned_is_said(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        plan(**arguments)
