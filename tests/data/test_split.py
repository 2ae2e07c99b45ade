import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medabl.data import Split, Subject, split_subjects
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
    split = split_subjects(_cohort([3]), path=path)
    assert (split["train"], split["val"], split["test"]) == (["s0/1"], ["s0/0"], [])
    for bad, expected in (
        ({"train": ["s0/1"], "val": ["x"]}, "'x', which is none"),
        ({"train": ["s0/1"], "val": ["s0/1"]}, "without a common one"),
        ({"train": ["s0/1"]}, "must be a JSON file"),
        ({"train": ["s0/1"], "val": ["s0/0"], "test": ["s0/0"]}, "without a common one"),
        ({"train": ["s0/1", "s0/1"], "val": ["s0/0"]}, "without a common one"),
        ({"train": [["s0/1"]], "val": ["s0/0"]}, "which is none"),
    ):
        path.write_text(json.dumps(bad))
        with pytest.raises(InputError, match=expected):
            split_subjects(_cohort([3]), path=path)


def _drawn_slowly(
    subjects: list[Subject], seed: int, count: int | None, folds: int, fold: int
) -> list[str]:
    """The ids that validate, as medabl drew them when it knew neither patients nor test sets."""
    row = random.Random(seed).sample(subjects, len(subjects))
    row.sort(key=lambda subject: subject.site)
    if count is None:
        places = [place for place in range(len(row)) if place % folds == fold]
    else:
        places = [int((i + 0.5) * len(row) / count) for i in range(count)]
    chosen = [row[place].id for place in places]
    return [subject.id for subject in subjects if subject.id in chosen]


@given(st.lists(st.integers(1, 25), min_size=1, max_size=5), st.integers(0, 999), st.data())
def test_where_every_scan_is_a_patient_the_draw_is_what_it_always_was(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    subjects = data.draw(st.permutations(_cohort([*sizes, 2])))
    count = data.draw(st.integers(1, len(subjects) - 1))
    folds = data.draw(st.integers(2, len(subjects)))
    fold = data.draw(st.integers(0, folds - 1))
    single = split_subjects(subjects, validation=count, seed=seed)
    assert single["val"] == _drawn_slowly(subjects, seed, count, folds, fold)
    crossed = split_subjects(subjects, folds=folds, fold=fold, seed=seed)
    assert crossed["val"] == _drawn_slowly(subjects, seed, None, folds, fold)
    assert single["test"] == crossed["test"] == []


def test_the_published_comparison_keeps_its_validation_subjects() -> None:
    # Drawn by the first version of this code.
    ids = "s0/1 s0/13 s0/17 s1/6 s1/13 s1/17 s1/18 s2/7 s2/11 s2/13"
    assert split_subjects(_cohort([20, 20, 20]), validation=10)["val"] == ids.split()


SCANS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=3, max_size=25
)  # site and number of scans of each patient


def _patients(scans: list[tuple[int, int]]) -> list[Subject]:
    return [
        Subject(f"s{site}/P{p}_T{t}", f"s{site}", {}, None)
        for p, (site, count) in enumerate(scans)
        for t in range(1, count + 1)
    ]


def _patient(name: str) -> str:
    return name.split("_")[0]


def _sides(split: Split) -> list[list[str]]:
    return [split["train"], split["val"], split["test"]]


@given(SCANS, st.integers(0, 99), st.data())
def test_all_scans_of_a_patient_are_on_one_side(
    scans: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    subjects = _patients(scans)
    most = max(count for _, count in scans)
    # Each patient has a scan at least, so that two patients are left to train and to validate.
    test = data.draw(st.integers(0, min(len(subjects) // 3, len(scans) - 2)))
    validation = data.draw(st.integers(1, max(1, len(subjects) // 3)))
    split = split_subjects(subjects, validation=validation, test=test, seed=seed)
    sides = _sides(split)
    assert sorted(i for side in sides for i in side) == sorted(s.id for s in subjects)
    train, val, held = ({_patient(i) for i in side} for side in sides)
    assert not train & val and not train & held and not val & held
    assert train and val
    assert abs(len(split["val"]) - validation) < most or len(val) == 1
    assert abs(len(split["test"]) - test) < most or len(held) == 1
    for site in range(4):
        share = validation * sum(s.site == f"s{site}" for s in subjects) / len(subjects)
        if not test:
            assert abs(sum(i.startswith(f"s{site}/") for i in split["val"]) - share) <= most + 1


@given(SCANS, st.integers(0, 99), st.data())
def test_folds_hold_every_patient_out_once_and_test_the_same_ones(
    scans: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    subjects = _patients([*scans, (0, 1), (1, 1)])
    most = max(count for _, count in scans)
    test = data.draw(st.sampled_from([None, 1, 0.3]))
    held_out = split_subjects(subjects, validation=1, seed=seed, test=test)["test"]
    left = {_patient(s.id) for s in subjects if s.id not in held_out}
    folds = data.draw(st.integers(2, max(2, min(3, len(left)))))
    assume(folds <= len(left))
    splits = [
        split_subjects(subjects, folds=folds, fold=k, seed=seed, test=test) for k in range(folds)
    ]
    assert all(split["test"] == splits[0]["test"] for split in splits)
    assert bool(splits[0]["test"]) == (test is not None)
    rest = [s.id for s in subjects if s.id not in splits[0]["test"]]
    assert sorted(i for split in splits for i in split["val"]) == sorted(rest)
    sizes = [len(split["val"]) for split in splits]
    assert max(sizes) - min(sizes) <= most
    for split in splits:
        train, val, held = ({_patient(i) for i in side} for side in _sides(split))
        assert not train & val and not train & held and not val & held


def test_test_subjects_may_be_named_or_a_share() -> None:
    subjects = _cohort([4, 4])
    split = split_subjects(subjects, validation=2, test=["s1/3", "s0/0"])
    assert split["test"] == ["s0/0", "s1/3"]
    assert len(split["val"]) == 2 and len(split["train"]) == 4
    assert len(split_subjects(subjects, validation=0.25, test=0.25)["test"]) == 2
    with pytest.raises(InputError, match="'x', which is none of the 8 subjects"):
        split_subjects(subjects, validation=2, test=["x"])
    with pytest.raises(InputError, match=r"8 test subjects .* set test=N\.$"):
        split_subjects(subjects, validation=2, test=8)


def test_a_patient_on_two_sides_is_refused_by_name(tmp_path: Path) -> None:
    subjects = _patients([(0, 2), (0, 1), (0, 1), (0, 1)])
    path = tmp_path / "split.json"
    sides = {"train": ["s0/P0_T1", "s0/P1_T1"], "val": ["s0/P2_T1"], "test": ["s0/P0_T2"]}
    path.write_text(json.dumps(sides))
    with pytest.raises(InputError, match=r"patient s0/P0 on two sides \(s0/P0_T1 in train and"):
        split_subjects(subjects, path=path)
    split = split_subjects(subjects, path=path, group_by="none")
    assert split["test"] == ["s0/P0_T2"]
    with pytest.raises(InputError, match="patient s0/P0 on two sides"):
        split_subjects(subjects, validation=1, test=["s0/P0_T1"])
    with pytest.raises(InputError, match="test=1 has no meaning beside"):
        split_subjects(subjects, path=path, test=1)


def test_a_split_can_be_written_and_read_back(tmp_path: Path) -> None:
    subjects = _patients([(0, 2), (0, 3), (1, 1), (1, 2)])
    split = split_subjects(subjects, validation=2, test=2)
    path = tmp_path / "split.json"
    path.write_text(json.dumps(split))
    assert split_subjects(subjects, path=path) == split
    assert split["groups"]["s0/P1"] == ["s0/P1_T1", "s0/P1_T2", "s0/P1_T3"]
    assert split["group_by"] == "auto"


def test_a_cohort_of_one_patient_cannot_be_divided() -> None:
    for how in ({"validation": 1}, {"folds": 2}, {"validation": 5}):
        with pytest.raises(InputError, match=r"All 3 .* one patient by group_by=auto .*by=none"):
            split_subjects(_patients([(0, 3)]), **how)


@pytest.mark.parametrize("how", [{"validation": 10}, {"validation": 0.4}, {"folds": 2}])
@pytest.mark.parametrize(
    ("subjects", "test", "left"),
    [(1, None, "One subject is"), (2, ["s0/0"], "One subject is"), (1, ["s0/0"], "No subject is")],
)
def test_fewer_than_two_subjects_are_said_to_be_too_few(how, subjects, test, left) -> None:
    with pytest.raises(InputError, match=f"^{left} left to train .* and two are needed at least:"):
        split_subjects(_cohort([subjects]), test=test, **how)
