import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medabl.data import check_subjects, find_subjects
from medabl.errors import InputError
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
