"""Who is evaluated: a test set where there is one, and no patient on two sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medabl.engine import train
from medabl.files import read_json
from tests.conftest import write_subject
from tests.small_runs import small_config


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients with two time points each, and two with one."""
    root = tmp_path_factory.mktemp("patients")
    names = [f"P{n}_T{t}" for n in (1, 2, 14) for t in (1, 2)] + ["P20_T1", "P21_T1"]
    for seed, name in enumerate(names):
        write_subject(root / name, seed)
    return root


@pytest.mark.parametrize(
    ("test", "number"), [(2, 2), (0.34, 2), (["Utrecht/0", "Amsterdam/GE3T/35"], 2)]
)
def test_the_test_subjects_are_the_ones_evaluated(
    test: Any, number: int, cohort: Path, tmp_path: Path
) -> None:
    run = train(small_config(cohort, tmp_path / "run", test=test, epochs=1))
    split = read_json(run.split)
    sides = [set(split[side]) for side in ("train", "val", "test")]
    assert [len(side) for side in sides] == [2, 2, number]
    assert len(set.union(*sides)) == 6
    if isinstance(test, list):
        assert sides[2] == set(test)
    for which in ("best", "last"):
        assert set(pd.read_csv(run.evaluation(which))["subject"]) == sides[2]
        assert {s for s in set.union(*sides) if run.prediction(which, s).is_file()} == sides[2]
    assert read_json(run.info)["test"] is True


def test_scans_of_a_patient_stay_together_and_it_is_said(
    patients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(small_config(patients, tmp_path / "run", test=2, epochs=1))
    split = read_json(run.split)
    for number in (1, 2, 14):
        scans = {f"P{number}_T1", f"P{number}_T2"}
        assert any(scans <= set(split[side]) for side in ("train", "val", "test"))
    assert split["groups"] == {f"P{n}": [f"P{n}_T1", f"P{n}_T2"] for n in (1, 2, 14)}
    assert split["group_by"] == "auto"
    said = capsys.readouterr().err
    assert "3 patients have more than one scan, kept on one side of every split" in said
    assert "P14: P14_T1, P14_T2" in said


def test_without_repeats_nothing_is_said(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(small_config(cohort, tmp_path / "run", epochs=1))
    assert "more than one scan" not in capsys.readouterr().err
