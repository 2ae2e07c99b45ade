import json
import os
import shutil
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from medabl.data import Subject, find_subjects
from medabl.errors import InputError
from tests.conftest import write_nifti, write_subject


def test_challenge_layout_at_any_depth_in_natural_order(cohort: Path) -> None:
    subjects = find_subjects(cohort)
    assert [s.id for s in subjects] == [
        "Amsterdam/GE3T/21",
        "Amsterdam/GE3T/28",
        "Amsterdam/GE3T/35",
        "Utrecht/0",
        "Utrecht/7",
        "Utrecht/14",
    ]
    assert subjects[0].site == "Amsterdam/GE3T"
    assert subjects[0].relative_path == PurePosixPath("Amsterdam/GE3T/21")
    assert list(subjects[0].images) == ["flair", "t1"]
    assert all(path.is_file() for s in subjects for path in [*s.images.values(), s.label])


def test_one_subject_folder_is_a_cohort_of_one(cohort: Path) -> None:
    (subject,) = find_subjects(cohort / "Utrecht" / "7", ["flair"])
    assert (subject.id, subject.site) == ("7", "")


def test_a_root_called_pre_is_no_subject(tmp_path: Path) -> None:
    write_subject(tmp_path / "pre" / "4", 0)
    assert [s.id for s in find_subjects(tmp_path / "pre")] == ["4"]


def test_folders_may_be_links(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(cohort / "Utrecht")
    assert [s.id for s in find_subjects(tmp_path)] == ["here/0", "here/7", "here/14"]


def test_other_files_are_no_modalities(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "a", 0)
    write_nifti(folder / "pre" / "3DT1.nii.gz", np.ones((3, 3, 3), np.float32))
    (folder / "pre" / "notes.txt").write_text("")
    (subject,) = find_subjects(tmp_path)
    assert [path.name for path in subject.images.values()] == ["FLAIR.nii.gz", "T1.nii.gz"]


def test_what_is_there_instead_is_told_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    write_subject(tmp_path / "a", 0)
    for asked, instead in ((["flair", "t2", "t1"], "flair,t1"), (["t1", "t2"], "t1,flair")):
        with pytest.raises(InputError, match=rf"modalities to what is there, {instead}\.$"):
            find_subjects(tmp_path, asked)


def test_decathlon_layout(cohort: Path, tmp_path: Path) -> None:
    entries = []
    for i, subject in enumerate(find_subjects(cohort)[:2]):
        names = [f"imagesTr/s_{i}_{c:04d}.nii.gz" for c in range(2)]
        for name, path in zip(names, subject.images.values(), strict=True):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / name)
        entries.append({"image": names, "label": f"labelsTr/s_{i}.nii.gz"})
    description = {"modality": {"0": "FLAIR", "1": "T1"}, "training": entries}
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    subjects = find_subjects(tmp_path, ["t1"])
    assert [s.id for s in subjects] == ["s_0", "s_1"]
    assert subjects[1].images == {"t1": tmp_path / "imagesTr/s_1_0001.nii.gz"}
    with pytest.raises(
        InputError, match="no modality t2; set the modalities to what is there, flair,t1"
    ):
        find_subjects(tmp_path, ["t2"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not Decathlon-style"),
        ('{"modality": {"0": "FLAIR"}, "training": []}', "No subject below"),
        ('{"training": []}', "no modality flair; name the channels"),
        ('{"modality": {"0": "FLAIR"}, "training": [{"image": ["a", "b"]}]}', "2 file"),
        ('{"modality": {"0": "FLAIR"}, "training": [{"image": "a"}, {"image": "a"}]}', "once"),
    ],
)
def test_a_bad_dataset_json_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=expected):
        find_subjects(tmp_path, ["flair"])


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pre/FLAIR\.nii\.gz"):
        find_subjects(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        find_subjects(tmp_path / "nowhere")


def test_a_missing_modality_names_the_folder(tmp_path: Path) -> None:
    write_subject(tmp_path / "site" / "4", 0, modalities=("FLAIR",))
    with pytest.raises(InputError, match=r"site/4/pre has no T1\.nii\.gz .*FLAIR\.nii\.gz"):
        find_subjects(tmp_path)
    assert len(find_subjects(tmp_path, ["flair"])) == 1


def test_a_missing_mask_matters_only_where_it_is_needed(tmp_path: Path) -> None:
    (write_subject(tmp_path / "a", 0) / "wmh.nii.gz").unlink()
    with pytest.raises(InputError, match=r"Subject a .* no mask"):
        find_subjects(tmp_path)
    assert find_subjects(tmp_path, labelled=False)[0].label is None


def test_modalities_must_differ(cohort: Path) -> None:
    with pytest.raises(InputError, match="different names"):
        find_subjects(cohort, ["flair", "flair"])


def _ids(root: Path) -> list[str]:
    return [subject.id for subject in find_subjects(root)]


def test_links_in_a_circle_do_not_multiply_subjects(tmp_path: Path) -> None:
    for name in ("a/0", "a/1", "b/0", "b/1"):
        write_subject(tmp_path / name, 0)
    before = _ids(tmp_path)
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "0" / "up").symlink_to(tmp_path)
    (tmp_path / "0first").symlink_to(tmp_path / "a" / "1")
    assert _ids(tmp_path) == before == ["a/0", "a/1", "b/0", "b/1"]


def test_a_scan_reached_by_links_to_its_files_is_listed_once(tmp_path: Path) -> None:
    original = write_subject(tmp_path / "real" / "7", 0)
    for name in ("0copy", "zcopy"):
        for file in ("pre/FLAIR.nii.gz", "pre/T1.nii.gz", "wmh.nii.gz"):
            link = tmp_path / name / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(original / file)
    assert _ids(tmp_path) == ["real/7"]
    (tmp_path / "zcopy" / "wmh.nii.gz").unlink()
    write_nifti(tmp_path / "zcopy" / "wmh.nii.gz", np.ones((3, 3, 3), np.uint8))
    with pytest.raises(InputError, match=r"0copy and real/7 and zcopy .* one scan with different"):
        find_subjects(tmp_path)


def test_a_data_set_of_links_alone(cohort: Path, tmp_path: Path) -> None:
    for number, file in enumerate(sorted(cohort.rglob("wmh.nii.gz"))):
        for name in ("pre/FLAIR.nii.gz", "pre/T1.nii.gz", "wmh.nii.gz"):
            link = tmp_path / "links" / str(number) / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.parent / name)
    assert _ids(tmp_path) == [f"links/{number}" for number in range(6)]
    (tmp_path / "root").symlink_to(tmp_path / "links")
    assert _ids(tmp_path / "root") == [str(number) for number in range(6)]


def test_hidden_files_and_what_systems_leave_behind_are_ignored(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "4", 0)
    for name in ("pre/._FLAIR.nii.gz", "pre/.T1.nii.gz", "._wmh.nii.gz"):
        (folder / name).write_bytes(b"x")
    for name in ("__MACOSX/4/pre/._FLAIR.nii.gz", ".Trash/9/pre/FLAIR.nii.gz"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    (subject,) = find_subjects(tmp_path)
    assert [path.name for path in subject.images.values()] == ["FLAIR.nii.gz", "T1.nii.gz"]


@pytest.mark.parametrize("closed", ["4", "4/pre"])
def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    for name in ("4", "5"):
        write_subject(tmp_path / name, 0)
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(InputError, match=rf"{closed} cannot be read \(Permission denied\)"):
        find_subjects(tmp_path)


def test_the_masks_of_the_challenge_may_have_another_name(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "4", 0)
    (folder / "wmh.nii.gz").rename(folder / "lesion.nii.gz")
    (subject,) = find_subjects(tmp_path, mask_name="lesion")
    assert subject.label == folder / "lesion.nii.gz"


@pytest.mark.parametrize(
    "name", ["", "/a", "a/../b", "..", "a//b", "a/", "./a", "C:/a", "a\\b", "a\nb"]
)
def test_an_id_that_is_no_path_below_a_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be a subject's id"):
        Subject(name, "", {}, None)
