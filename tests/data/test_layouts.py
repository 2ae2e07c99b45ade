"""Data sets in the layouts of other tools, found as they lie."""

import json
import shutil
from pathlib import Path

import pytest

from medabl.data import Subject, find_subjects
from medabl.errors import InputError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(root: Path, subject: Subject) -> list[str]:
    files = [*subject.images.values(), *([subject.label] if subject.label else [])]
    return [path.relative_to(root).as_posix() for path in files]


# ---------------------------------------------------------------- nnU-Net

CHANNELS = {"channel_names": {"0": "FLAIR", "1": "T1"}, "labels": {"background": 0, "lesion": 1}}


def nnunet(root: Path, cases: int = 3, **description: object) -> Path:
    for case in range(cases):
        files = (f"imagesTr/wmh_{case:03d}_{channel:04d}.nii.gz" for channel in range(2))
        touch(root, *files, f"labelsTr/wmh_{case:03d}.nii.gz")
    text = {**CHANNELS, "file_ending": ".nii.gz", "numTraining": cases, **description}
    (root / "dataset.json").write_text(json.dumps(text))
    return root


def test_nnunet_raw_data(tmp_path: Path) -> None:
    subjects = find_subjects(nnunet(tmp_path), ["t1", "flair"])
    assert [s.id for s in subjects] == ["wmh_000", "wmh_001", "wmh_002"]
    assert names(tmp_path, subjects[1]) == [
        "imagesTr/wmh_001_0001.nii.gz",
        "imagesTr/wmh_001_0000.nii.gz",
        "labelsTr/wmh_001.nii.gz",
    ]


def test_nnunet_version_1_lists_images_without_their_channel(tmp_path: Path) -> None:
    entries = [{"image": "./imagesTr/wmh_000.nii.gz", "label": "./labelsTr/wmh_000.nii.gz"}]
    nnunet(tmp_path, 1, training=entries, modality={"0": "FLAIR", "1": "T1"})
    assert [s.id for s in find_subjects(tmp_path)] == ["wmh_000"]


def test_a_thousand_cases_are_listed_with_few_looks_at_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnunet(tmp_path, 1000)
    looks = []
    scandir = __import__("os").scandir
    monkeypatch.setattr("os.scandir", lambda path: looks.append(path) or scandir(path))
    assert len(find_subjects(tmp_path)) == 1000
    assert len(looks) < 10


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"file_ending": ".nrrd"}, r"file_ending '\.nrrd'; medabl reads"),
        (
            {"channel_names": {"0": "T2"}},
            "lists no modality flair, t1; set the modalities to what is there, t2",
        ),
        ({"channel_names": ["FLAIR", "T1"]}, "must name the channels"),
        ({"channel_names": {"0": "flair", "1": "b", "2": "t1"}}, r"no wmh_000_0002\.nii\.gz"),
    ],
)
def test_what_nnunet_data_lacks_is_named(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        find_subjects(nnunet(tmp_path, 1, **change))


def test_nnunet_cases_without_labels(tmp_path: Path) -> None:
    shutil.rmtree(nnunet(tmp_path, 2) / "labelsTr")
    with pytest.raises(InputError, match=r"wmh_000 .* no mask.*labelsTr/CASE"):
        find_subjects(tmp_path)
    assert len(find_subjects(tmp_path, labelled=False)) == 2
    with pytest.raises(InputError, match="mask_name=x has no meaning"):
        find_subjects(tmp_path, mask_name="x")


# ---------------------------------------------------------------- BIDS

SESSIONS = [("sub-A", "ses-1"), ("sub-A", "ses-2"), ("sub-B", "ses-1")]
MASK = "_label-lesion_mask.nii.gz"


def bids(root: Path, end: str = MASK, folder: str = "derivatives/manual/") -> Path:
    for scan in SESSIONS:
        base, name = "/".join(scan), "_".join(scan)
        touch(root, *(f"{base}/anat/{name}_{suffix}.nii.gz" for suffix in ("FLAIR", "T1w")))
        touch(root, f"{base}/anat/{name}_FLAIR.json", f"{base}/func/{name}_task-rest_bold.nii.gz")
        touch(root, f"{folder}{base}/anat/{name}{end}")
    return touch(root, "dataset_description.json", "participants.tsv")


def test_bids_with_sessions(tmp_path: Path) -> None:
    subjects = find_subjects(bids(tmp_path))
    assert [(s.id, s.site, s.group) for s in subjects] == [
        ("sub-A/ses-1", "", "sub-A"),
        ("sub-A/ses-2", "", "sub-A"),
        ("sub-B/ses-1", "", "sub-B"),
    ]
    assert names(tmp_path, subjects[1]) == [
        "sub-A/ses-2/anat/sub-A_ses-2_FLAIR.nii.gz",
        "sub-A/ses-2/anat/sub-A_ses-2_T1w.nii.gz",
        "derivatives/manual/sub-A/ses-2/anat/sub-A_ses-2_label-lesion_mask.nii.gz",
    ]


def test_sites_of_bids_participants(tmp_path: Path) -> None:
    rows = "participant_id\tage\tsite\nsub-A\t70\tUtrecht\nsub-B\t60\tn/a\n"
    (bids(tmp_path) / "participants.tsv").write_text(rows)
    assert [s.site for s in find_subjects(tmp_path)] == ["Utrecht", "Utrecht", ""]


def test_bids_without_sessions_and_with_a_brain_mask_beside(tmp_path: Path) -> None:
    touch(tmp_path, "sub-1/anat/sub-1_acq-3d_FLAIR.nii.gz")
    touch(tmp_path, "derivatives/prep/sub-1/anat/sub-1_desc-brain_mask.nii.gz")
    with pytest.raises(InputError, match=r"sub-1 .* no mask.*mask_name=END"):
        find_subjects(tmp_path, ["flair"])
    touch(tmp_path, "derivatives/lst/sub-1_space-FLAIR_mask.nii.gz")
    (subject,) = find_subjects(tmp_path, ["flair"])
    assert subject.id == subject.group == "sub-1"
    assert names(tmp_path, subject)[1] == "derivatives/lst/sub-1_space-FLAIR_mask.nii.gz"


@pytest.mark.parametrize(
    "end", ["_lesion.nii.gz", "_WMH.nii", "_dseg.nii.gz", "_desc-wmh_mask.nii"]
)
def test_other_usual_names_of_bids_masks(tmp_path: Path, end: str) -> None:
    assert all(s.label for s in find_subjects(bids(tmp_path, end), ["flair"]))


def test_the_name_of_bids_masks_can_be_set(tmp_path: Path) -> None:
    bids(bids(tmp_path), "_rater2.nii.gz", "derivatives/second/")
    (first, *_) = find_subjects(tmp_path, mask_name="rater?")
    assert names(tmp_path, first)[-1].endswith("sub-A_ses-1_rater2.nii.gz")
    touch(tmp_path, f"derivatives/third/sub-A_ses-1{MASK}")
    with pytest.raises(InputError, match="may both be the mask of sub-A/ses-1; set mask_name"):
        find_subjects(tmp_path)


def test_what_a_bids_scan_lacks_is_named(tmp_path: Path) -> None:
    bids(tmp_path)
    (tmp_path / "sub-B/ses-1/anat/sub-B_ses-1_T1w.nii.gz").unlink()
    with pytest.raises(InputError, match=r"sub-B/ses-1/anat has no image .*'t1w'.*_FLAIR"):
        find_subjects(tmp_path)
    touch(tmp_path, "sub-A/ses-1/anat/sub-A_ses-1_run-2_FLAIR.nii.gz")
    with pytest.raises(InputError, match=r"more than one image .*run-2_FLAIR.*subjects\.csv"):
        find_subjects(tmp_path, ["flair"])


# ---------------------------------------------------------------- table


def table(root: Path, text: str, name: str = "subjects.csv") -> Path:
    touch(root, *(f"d/{i}/{file}.nii" for i in "ab" for file in ("f", "t", "m")))
    (root / name).write_bytes(text.encode("utf-8"))
    return root / name


ROWS = """subject,group,site,FLAIR,t1,mask
NA,p1,X,d/a/f.nii,d/a/t.nii,d/a/m.nii
Y/10,p1,,d/b/f.nii,d/b/t.nii,
"""


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "\ufeff" + ROWS.replace(",", ";").replace("\n", "\r\n"),
        ROWS.replace(",", "\t").replace("/a/", "\\a\\") + "\t\t\t\t\t\n",
    ],
)
def test_a_table_of_subjects(tmp_path: Path, text: str) -> None:
    path = table(tmp_path, text)
    for root in (tmp_path, path):
        first, second = find_subjects(root, labelled=False)
        assert (first.id, first.site, first.group) == ("NA", "X", "p1")
        assert (second.id, second.site, second.group) == ("Y/10", "Y", "p1")
        assert names(tmp_path, first) == ["d/a/f.nii", "d/a/t.nii", "d/a/m.nii"]
        assert second.label is None
    with pytest.raises(InputError, match=r"Y/10 .* no mask.*column 'mask'"):
        find_subjects(tmp_path)


def test_a_table_may_have_any_name_and_lie_anywhere(tmp_path: Path) -> None:
    path = table(tmp_path, "subject,flair,mask\n1,d/a/f.nii,d/a/m.nii\n", "mine.csv")
    assert [s.id for s in find_subjects(path, ["flair"])] == ["1"]
    far = tmp_path / "far" / "subjects.csv"
    far.parent.mkdir()
    far.write_text(f"subject,flair,mask\n1,{tmp_path}/d/a/f.nii,../d/a/m.nii\n")
    assert find_subjects(far, ["flair"])[0].label.is_file()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no column 'subject' .*it has: none"),
        ("flair,t1\n", r"no column 'subject' \(it has: flair, t1\); add it\.$"),
        ("subject,flair\n1,d/a/f.nii\n", "no column 't1' .*to what is there, flair"),
        (
            "subject,flair,t1\n1,d/a/f.nii,x.nii\n",
            r"line 2: the column 't1' names no file .*x\.nii",
        ),
        ("subject,flair,t1\n1,d/a/f.nii\n", "line 2: the column 't1' names no file"),
        ("subject,flair,t1\n\n,d/a/f.nii,d/a/t.nii\n", "line 3: the column 'subject' is empty"),
        ("subject,flair,t1\n../1,d/a/f.nii,d/a/t.nii\n", r"'\.\./1' cannot be a subject's id"),
        ("subject,flair,t1\n1,d/a/f.nii,d/a/t.nii\n1,d/b/f.nii,d/b/t.nii\n", "1 more than once"),
        ("subject,flair,t1\na,d/a/f.nii,d/a/t.nii\nA,d/b/f.nii,d/b/t.nii\n", "same on Windows"),
        ("subject,flair,t1\n", "lists none"),
    ],
)
def test_what_a_table_lacks_is_named(tmp_path: Path, text: str, expected: str) -> None:
    table(tmp_path, text)
    with pytest.raises(InputError, match=expected):
        find_subjects(tmp_path, labelled=False)


def test_a_table_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    path = table(tmp_path, ROWS)
    monkeypatch.setattr(Path, "read_text", closed)
    with pytest.raises(InputError, match=r"subjects\.csv cannot be read \(Permission denied\)"):
        find_subjects(path)


def test_a_table_in_another_encoding_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "subjects.csv").write_bytes("subject,flair\nJürgen,a\n".encode("latin-1"))
    with pytest.raises(InputError, match="save it as CSV UTF-8"):
        find_subjects(tmp_path, ["flair"])


# ---------------------------------------------------------------- Decathlon


def test_decathlon_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{i}/{name}.nii.gz" for i in "ab" for name in ("flair", "wmh")))
    entries = [{"image": f"{i}/flair.nii.gz", "label": f"{i}/wmh.nii.gz"} for i in "ab"]
    description = {"modality": {"0": "FLAIR"}, "training": entries}
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    assert [s.id for s in find_subjects(tmp_path, ["flair"])] == ["a", "b"]


def test_nothing_found_names_every_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        find_subjects(tmp_path)
    for name in ("WMH", "Decathlon", "nnU-Net", "BIDS", "subjects.csv"):
        assert name in str(error.value)
