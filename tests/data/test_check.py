import gzip
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medabl.data import Subject, check_subjects, find_subjects
from medabl.errors import InputError
from medabl.task import Task
from tests.conftest import AFFINE, write_nifti, write_subject

SHAPE = (24, 32, 4)


def _noise() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


def _with(value: float) -> np.ndarray:
    data = _noise()
    data[3, 3, 3] = value
    return data


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def _damage(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 0xFF
    path.write_bytes(bytes(text))


def _zero_spacing(path: Path) -> None:
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[80:84] = np.float32(0).tobytes()  # pixdim[1] of a NIfTI-1 header
    path.write_bytes(gzip.compress(bytes(raw)))


def _moved() -> np.ndarray:
    moved = AFFINE.copy()
    moved[2, 3] += 1
    return moved


BAD_FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "truncated": ("pre/T1", _truncate, "cut short or damaged"),
    "damaged": ("pre/FLAIR", _damage, "cut short or damaged"),
    "no NIfTI": ("pre/T1", lambda p: p.write_bytes(gzip.compress(b"text" * 200)), "not a NIfTI"),
    "empty": ("wmh", lambda p: p.write_bytes(b""), "is empty .0 bytes"),
    "NaN": ("pre/FLAIR", lambda p: write_nifti(p, _with(np.nan)), "NaN or infinite"),
    "infinite": ("pre/FLAIR", lambda p: write_nifti(p, _with(np.inf)), "NaN or infinite"),
    "constant": ("pre/T1", lambda p: write_nifti(p, np.ones(SHAPE, np.uint16)), "same value"),
    "4D": ("pre/T1", lambda p: write_nifti(p, np.zeros((*SHAPE, 2), np.uint8)), "one 3D volume"),
    "shape": ("wmh", lambda p: write_nifti(p, np.zeros((24, 32, 5), np.uint8)), "has shape"),
    "affine": ("wmh", lambda p: write_nifti(p, np.zeros(SHAPE), _moved()), "1.00 mm apart"),
    "label 3": ("wmh", lambda p: write_nifti(p, np.full(SHAPE, 3, np.uint8)), "1 .lesion."),
    "probability": ("wmh", lambda p: write_nifti(p, _noise()), "1 .lesion."),
    "zero spacing": ("pre/FLAIR", _zero_spacing, "voxels of 0 x 1"),
    "complex": ("pre/T1", lambda p: write_nifti(p, np.ones(SHAPE, np.complex64)), "real numbers"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, kind: str) -> None:
    name, spoil, expected = BAD_FILES[kind]
    write_subject(tmp_path / "good", 0)
    folder = write_subject(tmp_path / "bad", 1)
    path = folder / f"{name}.nii.gz"
    spoil(path)
    with pytest.raises(InputError, match=expected) as error:
        check_subjects(find_subjects(tmp_path))
    assert str(path) in str(error.value)


def test_good_subjects_pass_lesions_or_not_floats_or_integers(tmp_path: Path) -> None:
    write_subject(tmp_path / "a", 0, lesion=False)
    write_subject(tmp_path / "b", 1, label_type=np.int16)
    folder = write_subject(tmp_path / "c", 2)
    flair = nib.load(folder / "pre" / "FLAIR.nii.gz")
    write_nifti(folder / "pre" / "FLAIR.nii.gz", flair.get_fdata(dtype=np.float32)[..., None])
    check_subjects(find_subjects(tmp_path))


def _subject(folder: Path, name: str, sizes: tuple[float, float, float]) -> Subject:
    path = write_nifti(folder / f"{name}.nii.gz", _noise(), np.diag([*sizes, 1]))
    return Subject(name, "", {"flair": path}, None)


def test_slices_across_the_thick_axis_are_pointed_out_once(tmp_path: Path) -> None:
    sagittal = [_subject(tmp_path, name, (5, 1, 1.1)) for name in "abc"]
    fine = _subject(tmp_path, "d", (1, 1, 1.2))
    expected = (
        r"^a and 2 more subject.s.: voxels of 5 x 1 x 1.1 mm .* the sagittal axis, but slice_axis"
        " is axial; set slice_axis=sagittal"
    )
    with pytest.warns(UserWarning, match=expected) as caught:
        check_subjects([*sagittal, fine])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_subjects(sagittal, slice_axis="sagittal")
        check_subjects([fine])
        check_subjects([fine], slice_axis="coronal")
    with pytest.raises(InputError, match="slice_axis must be one of"):
        check_subjects([fine], slice_axis="sagital")


def test_a_mask_is_checked_against_the_task(tmp_path: Path) -> None:
    image = write_nifti(tmp_path / "image.nii.gz", _noise())
    label = write_nifti(tmp_path / "label.nii.gz", np.full(SHAPE, 3, np.uint8))
    task = Task(
        name="organs",
        classes=["background", "liver", "spleen"],
        labels={0: "background", 3: "liver", 4: "spleen"},
        spatial_dims=3,
    )
    subject = Subject("a", "", {"ct": image}, label)
    check_subjects([subject], task)
    write_nifti(label, np.full(SHAPE, 1, np.uint8))
    expected = r"label.nii.gz holds 1 where .* 0 \(background\), 3 \(liver\), 4 \(spleen\)\.$"
    with pytest.raises(InputError, match=expected):
        check_subjects([subject], task)


def test_many_subjects_take_no_more_memory_than_a_few_volumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = np.zeros((64, 64, 64), np.float32)
    data[0] = 1
    path = write_nifti(tmp_path / "a.nii.gz", data)
    subjects = [Subject(str(i), "", {"flair": path, "t1": path}, path) for i in range(20)]
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    tracemalloc.start()
    check_subjects(subjects)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * data.nbytes
