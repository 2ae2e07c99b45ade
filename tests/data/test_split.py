import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medabl.data import Subject, split_subjects
from medabl.errors import InputError


def _cohort(sizes: list[int]) -> list[Subject]:
    return [Subject(f"s{s}/{i}", f"s{s}", {}, None) for s, n in enumerate(sizes) for i in range(n)]


def test_fifty_ten_of_the_challenge_takes_a_sixth_of_every_site() -> None:
    split = split_subjects(_cohort([20, 20, 20]), validation=10)
    assert len(split["train"]) == 50
    assert sorted(Counter(i.split("/")[0] for i in split["val"]).values()) == [3, 3, 4]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 99), st.data())
def test_any_split_is_a_partition_with_fair_shares(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    subjects = _cohort([*sizes, 2])
    validation = data.draw(st.integers(1, len(subjects) - 1))
    split = split_subjects(subjects, validation=validation, seed=seed)
    assert sorted(split["train"] + split["val"]) == sorted(s.id for s in subjects)
    assert len(split["val"]) == validation
    for site, size in enumerate([*sizes, 2]):
        share = sum(i.startswith(f"s{site}/") for i in split["val"])
        assert abs(share - validation * size / len(subjects)) < 1 + 1e-9


@given(st.integers(2, 12), st.integers(0, 99))
def test_folds_hold_every_subject_out_once(folds: int, seed: int) -> None:
    subjects = _cohort([5, 7])
    splits = [split_subjects(subjects, folds=folds, fold=k, seed=seed) for k in range(folds)]
    assert sorted(i for s in splits for i in s["val"]) == sorted(s.id for s in subjects)
    assert max(len(s["val"]) for s in splits) - min(len(s["val"]) for s in splits) <= 1


@pytest.mark.parametrize(("subjects", "expected"), [(16, 4), (6, 2), (9, 2)])
def test_validation_may_be_a_share(subjects: int, expected: int) -> None:
    assert len(split_subjects(_cohort([subjects]), validation=0.25)["val"]) == expected


def test_the_seed_decides() -> None:
    subjects = _cohort([20, 20])
    one, again, other = (split_subjects(subjects, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize(
    "arguments", [{"validation": 3}, {"validation": 0}, {"folds": 4}, {"folds": 2, "fold": 2}]
)
def test_too_few_subjects_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"3 subjects|are 3"):
        split_subjects(_cohort([3]), **arguments)


def test_a_json_file_decides_when_given(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["s0/1"], "val": ["s0/0"]}))
    assert split_subjects(_cohort([3]), path=path) == {"train": ["s0/1"], "val": ["s0/0"]}
    for bad, expected in (
        ({"train": ["s0/1"], "val": ["x"]}, "'x', which is none"),
        ({"train": ["s0/1"], "val": ["s0/1"]}, "without a common one"),
        ({"train": ["s0/1"]}, "must be a JSON file"),
    ):
        path.write_text(json.dumps(bad))
        with pytest.raises(InputError, match=expected):
            split_subjects(_cohort([3]), path=path)
