from pathlib import Path
from typing import Any

import pytest

from medabl.errors import InputError
from medabl.experiments import Comparison, plan_comparison


def plan(subjects: int, preset: str = "quick", **arguments: Any) -> Comparison:
    return plan_comparison(preset, Path("data"), Path("out"), subjects, **arguments)


def test_every_method_with_every_seed_in_a_folder_of_its_own() -> None:
    comparison = plan(60, "paper", seeds=(0, 1))
    names = [run.name for run in comparison.runs]
    assert names == ["gdl-s0", "gdl_bl-s0", "gdl_abl-s0", "gdl-s1", "gdl_bl-s1", "gdl_abl-s1"]
    assert comparison.folds is None
    configs = [run.config for run in comparison.runs]
    assert {(c["seed"], c["method"]) for c in configs} == {
        (s, m) for s in (0, 1) for m in ("gdl", "gdl_bl", "gdl_abl")
    }
    assert len({c["split_seed"] for c in configs}) == 1


def test_a_few_subjects_are_held_out_in_turn() -> None:
    comparison = plan(3, methods=["gdl"])
    assert comparison.folds == 3
    assert [run.config["fold"] for run in comparison.runs] == [0, 1, 2]


def test_more_are_split_once_unless_folds_are_asked_for() -> None:
    assert plan(6).folds is None
    assert plan(6, folds=2, methods=["gdl"]).folds == 2


def test_overrides_reach_every_run() -> None:
    assert {run.config["epochs"] for run in plan(16, overrides={"epochs": 5}).runs} == {5}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"subjects": 1}, "at least two"),
        ({"subjects": 11, "preset": "paper"}, "needs at least 12, but data holds 11"),
        ({"subjects": 6, "folds": 7}, "7 folds cannot divide 6"),
        ({"subjects": 9, "methods": ["hinge"]}, "method=hinge is not known"),
        ({"subjects": 9, "overrides": {"seed": 3}}, "seed cannot be overridden here"),
        ({"subjects": 9, "folds": 3, "overrides": {"split": "s"}}, "either folds or split"),
    ],
)
def test_what_cannot_be_planned_is_said(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        plan(**arguments)
