import pytest
from nifti_files import lesions, write

from medabl.errors import InputError
from medabl.evaluation.matching import match_cases


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def pairs(pred, ref):
    cases, problems = match_cases(pred, ref)
    assert problems == []
    return {
        c.subject: (
            c.site,
            c.prediction.relative_to(pred).as_posix(),
            c.reference.relative_to(ref).as_posix(),
        )
        for c in cases
    }


CHALLENGE = ("Utrecht/0/wmh.nii.gz", "Utrecht/0/pre/FLAIR.nii.gz", "Amsterdam/GE3T/100/wmh.nii.gz")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Utrecht_0.nii.gz", "Amsterdam_GE3T_100.nii.gz"),
        ("Utrecht_0.nii", "Amsterdam_GE3T_100.nii.gz"),
        ("Utrecht/0.nii.gz", "Amsterdam/GE3T/100.nii.gz"),
        ("Utrecht/0/result.nii.gz", "Amsterdam/GE3T/100/result.nii.gz"),
        ("Utrecht/0/seg.nii.gz", "Amsterdam/GE3T/100/my_output.nii.gz"),
        ("Utrecht_0/seg.nii.gz", "Amsterdam_GE3T_100/seg.nii.gz"),
        ("Utrecht/0/wmh.nii.gz", "Amsterdam/GE3T/100/wmh.nii.gz"),
    ],
)
def test_challenge_layout_with_every_layout_of_predictions(tmp_path, first, second):
    ref = touch(tmp_path / "ref", *CHALLENGE)
    pred = touch(tmp_path / "pred", first, second)
    assert pairs(pred, ref) == {
        "Utrecht/0": ("Utrecht", first, CHALLENGE[0]),
        "Amsterdam/GE3T/100": ("Amsterdam/GE3T", second, CHALLENGE[2]),
    }
    images = {c.subject: c.image for c in match_cases(pred, ref)[0]}
    assert images == {"Utrecht/0": ref / CHALLENGE[1], "Amsterdam/GE3T/100": None}


def test_flat_folders(tmp_path):
    ref = touch(tmp_path / "ref", "case_1.nii.gz", "case_2.nii.gz", "notes.txt", ".x.nii.gz")
    pred = touch(tmp_path / "pred", "case_1.nii", "case_2.nii.gz", "plans.json")
    assert pairs(pred, ref) == {
        "case_1": ("", "case_1.nii", "case_1.nii.gz"),
        "case_2": ("", "case_2.nii.gz", "case_2.nii.gz"),
    }


def test_a_data_set_against_itself(tmp_path):
    ref = touch(tmp_path, *CHALLENGE, "Utrecht/0/pre/T1.nii.gz")
    assert sorted(pairs(ref, ref)) == ["Amsterdam/GE3T/100", "Utrecht/0"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    ref = touch(tmp_path / "ref", *CHALLENGE[:1])
    (ref / "Amsterdam").symlink_to(touch(tmp_path / "elsewhere", "GE3T/100/wmh.nii.gz"))
    (ref / "Utrecht" / "loop").symlink_to(ref)
    pred = touch(tmp_path / "pred", "Utrecht_0.nii.gz", "Amsterdam_GE3T_100.nii.gz")
    assert sorted(pairs(pred, ref)) == ["Amsterdam/GE3T/100", "Utrecht/0"]


def test_one_subjects_folder(tmp_path):
    ref = touch(tmp_path / "100", "wmh.nii.gz", "pre/FLAIR.nii.gz")
    pred = touch(tmp_path / "out", "100.nii.gz")
    assert pairs(pred, ref) == {"100": ("", "100.nii.gz", "wmh.nii.gz")}


def test_two_files(tmp_path):
    pred = write(tmp_path / "p.nii.gz", lesions())
    ref = touch(tmp_path / "07", "wmh.nii.gz", "pre/FLAIR.nii.gz") / "wmh.nii.gz"
    ((case,), problems) = match_cases(pred, ref)
    assert (case.subject, case.site, case.prediction, case.reference) == ("07", "", pred, ref)
    assert case.image == tmp_path / "07" / "pre" / "FLAIR.nii.gz" and not problems
    plain = touch(tmp_path, "b.c.nii.gz") / "b.c.nii.gz"
    assert match_cases(pred, plain)[0][0].subject == "b.c"


@pytest.mark.parametrize(
    ("references", "predictions", "subject", "reason"),
    [
        (["a.nii.gz", "b.nii.gz"], ["b.nii.gz"], "a", "a.nii.gz has no prediction: .*pred holds"),
        (["b.nii.gz"], ["b.nii.gz", "c.nii.gz"], "c", "c.nii.gz has no reference: .*ref holds no"),
        (["b.nii", "b.nii.gz", "c.nii"], ["b.nii", "c.nii"], "b", "b.nii and .*b.nii.gz are ref"),
        (["b.nii"], ["b.nii", "b.nii.gz"], "b", "b.nii and .*b.nii.gz are predictions of one"),
        (["b.nii"], ["b/x.nii", "b/y.nii"], "b", "x.nii and .*y.nii are predictions of one"),
        (["s/0/wmh.nii", "s_0/wmh.nii"], ["s_0.nii"], "s/0", "are references of one subject, s/0"),
    ],
)
def test_what_does_not_match_is_named(tmp_path, references, predictions, subject, reason):
    ref, pred = touch(tmp_path / "ref", *references), touch(tmp_path / "pred", *predictions)
    cases, (problem,) = match_cases(pred, ref)
    assert problem.subject == subject
    assert subject not in {c.subject for c in cases}
    with pytest.raises(InputError, match=reason):
        raise InputError(problem.reason)


def test_what_is_not_there_at_all(tmp_path):
    ref = touch(tmp_path / "ref", "a.nii.gz")
    with pytest.raises(InputError, match="nowhere does not exist"):
        match_cases(tmp_path / "nowhere", ref)
    with pytest.raises(InputError, match=r"ref is a folder and .*a.nii.gz is a file"):
        match_cases(ref, ref / "a.nii.gz")
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="void holds no NIfTI file"):
        match_cases(ref, tmp_path / "void")
