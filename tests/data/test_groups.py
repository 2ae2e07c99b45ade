import pytest

from medabl.data import Subject, describe_groups, groups_of, split_subjects
from medabl.errors import InputError


def _subjects(*ids: str, groups: tuple[str | None, ...] = ()) -> list[Subject]:
    named = groups or (None,) * len(ids)
    return [Subject(i, "", {}, None, group) for i, group in zip(ids, named, strict=True)]


@pytest.mark.parametrize(
    "ids",
    [
        ("P14_T1", "P14_T2"),
        ("P14", "P14_T2", "P14_followup"),
        ("site/P14_baseline", "site/P14_fu1"),
        ("P14/ses-1", "P14/ses-pre"),
        ("P14/T1", "P14/TP02", "P14/visit_3"),
        ("ses-1/P14", "ses-2/P14"),
        ("sub-01_ses-1_run-1", "sub-01_ses-1_run-2", "sub-01_ses-2_run-1"),
        ("P14_scan1", "P14_scan2"),
        ("anna-T2", "anna-T3"),
        ("P14.v1", "P14.v2"),
    ],
)
def test_time_points_of_one_patient_are_found(ids: tuple[str, ...]) -> None:
    assert list(groups_of(_subjects(*ids)).values()) == [list(ids)]


@pytest.mark.parametrize(
    "ids",
    [
        ("Utrecht/0", "Utrecht/11"),
        ("Amsterdam/GE3T/100", "Amsterdam/GE3T/101", "Amsterdam/GE1T5/100"),
        ("case_001", "case_002"),
        ("case_T001", "case_T002"),
        ("scan_1", "scan_2"),
        ("T1", "T2"),
        ("site/sesame", "site/sessile"),
        ("A/P14_T1", "B/P14_T1"),
        ("P14_T1", "P15_T1", "P15"),
    ],
)
def test_different_patients_stay_apart(ids: tuple[str, ...]) -> None:
    expected = [["P14_T1"], ["P15_T1", "P15"]] if "P15" in ids else [[i] for i in ids]
    assert list(groups_of(_subjects(*ids)).values()) == expected


def test_what_the_data_set_says_counts_more_than_names() -> None:
    subjects = _subjects("a_T1", "b", "c", "a_T2", groups=("x", "x", None, None))
    assert list(groups_of(subjects).values()) == [["a_T1", "b"], ["c"], ["a_T2"]]
    assert len(groups_of(subjects, "none")) == 4


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (1, [["u/7/a", "u/7/b", "u/8/a"]]),
        ("2", [["u/7/a", "u/7/b"], ["u/8/a"]]),
        (9, [["u/7/a"], ["u/7/b"], ["u/8/a"]]),
        (r"/(\d)/", [["u/7/a", "u/7/b"], ["u/8/a"]]),
        (r".$", [["u/7/a", "u/8/a"], ["u/7/b"]]),
    ],
)
def test_patients_by_parts_of_the_id_or_by_a_pattern(
    group_by: int | str, expected: list[list[str]]
) -> None:
    subjects = _subjects("u/7/a", "u/7/b", "u/8/a")
    assert sorted(groups_of(subjects, group_by).values()) == expected


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [("(", "regular expression"), (r"P(\d)", "finds no patient in the id q"), (0, "1 or more")],
)
def test_a_bad_group_by_is_one_sentence(group_by: str | int, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        groups_of(_subjects("q"), group_by)


def test_one_sentence_says_which_scans_stay_together() -> None:
    split = split_subjects(_subjects("P1_T1", "P1_T2", "P2_T1", "P3"), validation=1)
    assert describe_groups(split["groups"], split["group_by"]) == (
        "1 patient has more than one scan, kept on one side of every split (P1: P1_T1, P1_T2;"
        " group_by=auto, or none if these are different patients)."
    )
    assert describe_groups(split_subjects(_subjects("a", "b"), validation=1)["groups"]) == ""
    many = groups_of(_subjects(*(f"P{p}_T{t}" for p in range(9) for t in (1, 2))))
    assert describe_groups(many).startswith("9 patients have more than one scan")
