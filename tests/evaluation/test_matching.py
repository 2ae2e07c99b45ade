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
        (["s/0/wmh.nii", "s_0/wmh.nii"], ["s_0.nii"], "s/0", "s/0/wmh.nii has no prediction"),
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


ALIKE = ("A/x_1/wmh.nii.gz", "A_x/1/wmh.nii.gz")


def test_subjects_whose_flat_names_are_alike_have_each_their_own_file(tmp_path):
    ref = touch(tmp_path / "ref", *ALIKE)
    pred = touch(tmp_path / "pred", "A/x_1.nii.gz", "A_x/1.nii.gz")
    assert pairs(pred, ref) == {
        "A/x_1": ("A", "A/x_1.nii.gz", ALIKE[0]),
        "A_x/1": ("A_x", "A_x/1.nii.gz", ALIKE[1]),
    }


def test_a_flat_name_that_two_subjects_share_is_refused_by_name(tmp_path):
    ref = touch(tmp_path / "ref", *ALIKE)
    pred = touch(tmp_path / "pred", "A_x_1.nii.gz")
    cases, problems = match_cases(pred, ref)
    assert cases == []
    assert problems[0].file == str(pred / "A_x_1.nii.gz")
    assert "of A/x_1 or of A_x/1: write it as A/x_1.nii.gz or as A_x/1.nii.gz" in problems[0].reason
    # Nor is it taken for the one that is still without.
    touch(pred, "A/x_1.nii.gz")
    assert [case.subject for case in match_cases(pred, ref)[0]] == ["A/x_1"]


def test_a_subject_may_be_called_as_the_folder_of_others(tmp_path):
    ref = touch(tmp_path / "ref", "A/wmh.nii.gz", "A/1/wmh.nii.gz")
    pred = touch(tmp_path / "pred", "A.nii.gz", "A/1.nii.gz")
    assert {s: files[1] for s, files in pairs(pred, ref).items()} == {
        "A": "A.nii.gz",
        "A/1": "A/1.nii.gz",
    }


def test_hidden_files_are_no_masks(tmp_path):
    ref = touch(tmp_path / "ref", "0/wmh.nii.gz", "__MACOSX/0/._wmh.nii.gz", ".old/0/wmh.nii.gz")
    pred = touch(tmp_path / "pred", "0.nii.gz", "._0.nii.gz", "__MACOSX/0.nii.gz")
    assert list(pairs(pred, ref)) == ["0"]


def test_references_of_a_bids_data_set_as_it_lies(tmp_path):
    image = "sub-1/ses-2/anat/sub-1_ses-2_FLAIR.nii.gz"
    mask = "derivatives/manual/sub-1/ses-2/anat/sub-1_ses-2_label-lesion_mask.nii.gz"
    ref = touch(tmp_path / "ref", image, mask)
    for name in ("sub-1/ses-2.nii.gz", "sub-1_ses-2.nii.gz", "sub-1/ses-2/mask.nii.gz"):
        pred = touch(tmp_path / name[:6] / name.replace("/", "-"), name)
        assert pairs(pred, ref) == {"sub-1/ses-2": ("", name, mask)}


def test_references_of_another_name(tmp_path):
    ref = touch(tmp_path / "ref", "a/0/pre/FLAIR.nii.gz", "a/0/lesion.nii.gz", "a/0/brain.nii.gz")
    pred = touch(tmp_path / "pred", "a/0.nii.gz")
    ((case,), problems) = match_cases(pred, ref, mask_name="lesion")
    assert (case.subject, case.reference) == ("a/0", ref / "a/0/lesion.nii.gz") and not problems
    assert case.image == ref / "a/0/pre/FLAIR.nii.gz"
    with pytest.raises(InputError, match=r"mask_name=lesion has no meaning for .*pred"):
        match_cases(pred, pred, mask_name="lesion")


def test_references_of_an_nnunet_data_set_as_it_lies(tmp_path):
    ref = touch(tmp_path / "ref", "imagesTr/c_1_0000.nii.gz", "labelsTr/c_1.nii.gz")
    (ref / "dataset.json").write_text('{"channel_names": {"0": "FLAIR"}, "labels": {}}')
    pred = touch(tmp_path / "pred", "c_1.nii.gz", "dataset.json")
    assert pairs(pred, ref) == {"c_1": ("", "c_1.nii.gz", "labelsTr/c_1.nii.gz")}
