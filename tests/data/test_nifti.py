"""Every way of storing the example is read as SimpleITK reads it, or refused with its cause."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from medabl.data import Subject, check_subjects
from medabl.data.labels import read_labels
from medabl.data.nifti import check_same_grid, read_nifti
from medabl.errors import InputError
from medabl.evaluation import evaluate_paths
from tests.data.stored import AFFINE, image, mask, reoriented, save, shifted

Writer = Callable[[Path, np.ndarray], Path]


def _scaled_affine(header: nib.Nifti1Header, factor: float, unit: int) -> None:
    affine = AFFINE.copy()
    affine[:3] *= factor
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    header["xyzt_units"] = unit


def _micron(header: nib.Nifti1Header) -> None:
    _scaled_affine(header, 1000, 3)


def _meter(header: nib.Nifti1Header) -> None:
    _scaled_affine(header, 0.001, 1)


def _micron_in_the_qform_alone(header: nib.Nifti1Header) -> None:
    _micron(header)
    header["sform_code"] = 0


def _no_unit(header: nib.Nifti1Header) -> None:
    header["xyzt_units"] = 0


def _long_quaternion(header: nib.Nifti1Header) -> None:
    header["sform_code"] = 0
    header["quatern_b"] = 1.000001


def _zero_sform(header: nib.Nifti1Header) -> None:
    for row in ("srow_x", "srow_y", "srow_z"):
        header[row] = 0


def _no_qfac(header: nib.Nifti1Header) -> None:
    header["sform_code"] = 0
    header["pixdim"][0] = 0


def _five_axes(header: nib.Nifti1Header) -> None:
    header.set_data_shape((40, 44, 12, 1, 1))


def _in_255_steps(path: Path, data: np.ndarray) -> Path:
    def scale(header: nib.Nifti1Header) -> None:
        header.set_slope_inter(1 / 127.5, 0)

    return save(path, np.array([0, 127, 255], np.uint8)[data], scale)


def _nearly_integers(path: Path, data: np.ndarray) -> Path:
    values = np.array([-1e-8, 1.0000000591, 2])[data]
    nib.save(image(values), path)
    return path


def _zipped_by_name_only(path: Path, data: np.ndarray) -> Path:
    return save(path.with_suffix(".nii.gz"), data)


def _zipped(path: Path, data: np.ndarray) -> Path:
    path = save(path.with_suffix(".nii.gz"), data)
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def _stored_as(codes: str) -> Writer:
    def write(path: Path, data: np.ndarray) -> Path:
        turned = nib.orientations.ornt_transform(
            nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
        )
        nib.save(reoriented(image(data), turned), path)
        return path

    return write


def _with(change: Callable[[nib.Nifti1Header], None]) -> Writer:
    return lambda path, data: save(path, data, change)


def _nifti_2(path: Path, data: np.ndarray) -> Path:
    nib.save(nib.Nifti2Image(data, AFFINE), path)
    return path


def _big_endian(path: Path, data: np.ndarray) -> Path:
    header = nib.Nifti1Header(endianness=">")
    nib.save(nib.Nifti1Image(data.astype(np.int16), AFFINE, header), path)
    return path


READ: dict[str, Writer] = {
    "as it is": save,
    "lengths in micron": _with(_micron),
    "lengths in meters": _with(_meter),
    "micron in the qform": _with(_micron_in_the_qform_alone),
    "no unit": _with(_no_unit),
    "quaternion a hair over 1": _with(_long_quaternion),
    "sform of zeros beside a qform": _with(_zero_sform),
    "qfac 0": _with(_no_qfac),
    "X, Y, Z, 1, 1": _with(_five_axes),
    "1 is stored as 0.996": _in_255_steps,
    "1 is stored as 1.0000000591": _nearly_integers,
    "called .gz but not zipped": _zipped_by_name_only,
    "zipped": _zipped,
    "LAS": _stored_as("LAS"),
    "LPS": _stored_as("LPS"),
    "PIR": _stored_as("PIR"),
    "NIfTI-2": _nifti_2,
    "big endian": _big_endian,
}


def _places(path: Path, label: int) -> np.ndarray:
    """Where SimpleITK finds the voxels of a label, in mm towards right, anterior, superior."""
    found = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(found)
    if values.ndim == 5:
        values = values[0, 0]
        found = found[:, :, :, 0, 0]
    indices = np.argwhere(np.rint(values) == label)[:, ::-1]
    places = [found.TransformIndexToPhysicalPoint(index.tolist()) for index in indices]
    return np.array(sorted(np.round(np.array(places) * [-1, -1, 1], 3).tolist()))


@pytest.mark.parametrize("kind", READ)
def test_a_file_is_read_as_simpleitk_reads_it(tmp_path: Path, kind: str) -> None:
    path = READ[kind](tmp_path / "m.nii", mask())
    volume = read_labels(path)
    assert volume.spacing == pytest.approx((0.9, 0.95, 3))
    if "quaternion" not in kind:  # that one is half a turn
        np.testing.assert_array_equal(volume.data, mask())
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-5)
    if kind == "NIfTI-2":
        return  # which SimpleITK does not read
    for label in (1, 2):
        indices = np.argwhere(volume.data == label)
        ours = indices @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        ours = np.array(sorted(np.round(ours, 3).tolist()))
        np.testing.assert_allclose(ours, _places(path, label), atol=2e-3)


@pytest.mark.parametrize("kind", READ)
def test_the_example_has_the_same_numbers_however_stored(tmp_path: Path, kind: str) -> None:
    ref = READ[kind](tmp_path / "m.nii", mask())
    pred = READ[kind](tmp_path / "n.nii", shifted())
    row = evaluate_paths(pred, ref, progress=False).subjects.iloc[0]
    assert row["dsc"] == pytest.approx(6 / 7)
    assert row["challenge_dsc"] == pytest.approx(6 / 7)
    assert row["hd_mm"] == pytest.approx(0.9)
    assert row["reference_ml"] == pytest.approx(0.592515)
    assert row["prediction_ml"] == pytest.approx(0.592515)


def test_probabilities_that_rounding_pushed_out_of_the_range_are_taken(tmp_path: Path) -> None:
    ref = save(tmp_path / "m.nii", mask())
    values = np.where(shifted() == 1, 1.0000000591, -1e-8)
    values[0, 0, 0] = 0.3
    nib.save(image(values), tmp_path / "n.nii")
    row = evaluate_paths(tmp_path / "n.nii", ref, progress=False).subjects.iloc[0]
    assert row["dsc"] == pytest.approx(6 / 7)


def _nan_in_the_sform(header: nib.Nifti1Header) -> None:
    header["srow_x"][1] = np.nan


def _nan_in_the_qform(header: nib.Nifti1Header) -> None:
    header["sform_code"] = 0
    header["qoffset_y"] = np.nan


def _sheared(header: nib.Nifti1Header) -> None:
    affine = AFFINE.copy()
    affine[:2, 1] = 0.95 * np.sin(np.radians(20)), 0.95 * np.cos(np.radians(20))
    header.set_sform(affine, 1)
    header["qform_code"] = 0


def _contradicting(header: nib.Nifti1Header) -> None:
    header["pixdim"][3] = 5


def _negative_voxels(header: nib.Nifti1Header) -> None:
    header["pixdim"][2] = -1


def _zero_sform_alone(header: nib.Nifti1Header) -> None:
    _zero_sform(header)
    header["qform_code"] = 0


def _half_of_a_pair(header: nib.Nifti1Header) -> None:
    header["magic"] = b"ni1"


def _unknown_type(header: nib.Nifti1Header) -> None:
    header["datatype"] = 9999


def _content(content: bytes) -> Writer:
    def write(path: Path, data: np.ndarray) -> Path:
        path.write_bytes(content)
        return path

    return write


def _cut(path: Path, data: np.ndarray) -> Path:
    save(path, data).write_bytes(path.read_bytes()[:-100])
    return path


def _cut_zip(path: Path, data: np.ndarray) -> Path:
    path = _zipped(path, data)
    path.write_bytes(path.read_bytes()[:-100])
    return path


REFUSED: dict[str, tuple[Writer, str]] = {
    "NaN in the sform": (_with(_nan_in_the_sform), "NaN or infinity in the sform of its header"),
    "NaN in the qform": (_with(_nan_in_the_qform), "NaN or infinity in the qform of its header"),
    "sheared": (_with(_sheared), r"axes that are 20\.0 degrees off a right angle"),
    "voxel sizes and affine": (_with(_contradicting), "contradicts itself.* 0.9 x 0.95 x 5 mm"),
    "negative": (_with(_negative_voxels), "voxels of 0.9 x -1 x 3 mm in its header"),
    "sform of zeros": (_with(_zero_sform_alone), "a sform in its header that maps the volume"),
    "half of a pair": (_with(_half_of_a_pair), "one half of a pair of files"),
    "unknown type": (_with(_unknown_type), "unknown type of numbers or scaling .9999."),
    "empty": (_content(b""), "is empty"),
    "text": (_content(b"no image at all, but a long text" * 30), "is not a NIfTI file"),
    "cut": (_cut, "21372 of the 21472 bytes that its header announces"),
    "cut while zipped": (_cut_zip, "cannot be unzipped to its end"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_the_check_before_training_and_the_evaluation_refuse_alike(
    tmp_path: Path, kind: str
) -> None:
    write, reason = REFUSED[kind]
    bad = write(tmp_path / "bad.nii", mask())
    fine = save(tmp_path / "fine.nii", mask())
    messages = set()
    for refuse in (
        lambda: check_subjects([Subject("a", "", {"flair": bad}, fine)]),
        lambda: check_subjects([Subject("a", "", {"flair": fine}, bad)]),
        lambda: evaluate_paths(bad, fine, progress=False),
        lambda: evaluate_paths(fine, bad, progress=False),
    ):
        with pytest.raises(InputError, match=reason) as caught:
            refuse()
        messages.add(str(caught.value))
    (message,) = messages
    assert message.startswith(str(bad)) and message.endswith(".")


def test_small_shears_as_registrations_leave_them_are_taken(tmp_path: Path) -> None:
    def slightly(header: nib.Nifti1Header) -> None:
        affine = AFFINE.copy()
        affine[0, 1] = 0.02
        header.set_sform(affine, 1)
        header["qform_code"] = 0

    ref = save(tmp_path / "m.nii", mask(), slightly)
    row = evaluate_paths(ref, ref, progress=False).subjects.iloc[0]
    assert row["reference_ml"] == pytest.approx(0.592515)


def test_one_grid_is_one_grid_in_whichever_axes_it_is_stored(tmp_path: Path) -> None:
    flair = _stored_as("LAS")(tmp_path / "flair.nii", mask())
    t1 = _stored_as("LPS")(tmp_path / "t1.nii", mask())
    label = _stored_as("SAR")(tmp_path / "label.nii", mask())
    check_subjects([Subject("a", "", {"flair": flair, "t1": t1}, label)])
    moved = nib.load(t1)
    affine = moved.affine.copy()
    affine[2, 3] += 1
    nib.save(nib.Nifti1Image(np.asarray(moved.dataobj), affine), tmp_path / "moved.nii")
    with pytest.raises(InputError, match=r"flair.nii and .*moved.nii .* 1.00 mm apart"):
        check_same_grid(read_nifti(flair), read_nifti(tmp_path / "moved.nii"))
