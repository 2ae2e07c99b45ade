import gzip

import nibabel as nib
import numpy as np
import pytest

from medabl.data.labels import read_labels, read_prediction
from medabl.errors import InputError
from tests.evaluation.nifti_files import AFFINE, lesions, oblique, write


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_labels_are_labels_however_stored(tmp_path, dtype):
    labels = lesions()
    labels[3, 3] = 2
    path = write(tmp_path / "a.nii.gz", labels.astype(dtype), oblique())
    canonical = nib.as_closest_canonical(nib.load(path))
    reference = read_labels(path)
    assert reference.data.dtype == np.uint8
    np.testing.assert_array_equal(reference.data, canonical.dataobj)
    assert reference.spacing == pytest.approx(canonical.header.get_zooms())
    np.testing.assert_allclose(reference.affine, canonical.affine, atol=1e-5)
    np.testing.assert_array_equal(read_prediction(path).data, reference.data == 1)


def test_labels_scaled_by_the_header_are_rounded(tmp_path):
    header = nib.Nifti1Header()
    image = nib.Nifti1Image(lesions() * 255, AFFINE, header)
    image.header.set_slope_inter(1 / 255, 0)
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii").data, lesions())


def test_probabilities_are_cut_at_a_half(tmp_path):
    values = np.zeros((3, 3, 3), np.float32)
    values[0, 0] = [0.49, 0.5, 0.51]
    path = write(tmp_path / "p.nii.gz", values)
    assert read_prediction(path).data[0, 0].tolist() == [0, 1, 1]
    assert read_prediction(path).data.sum() == 2
    with pytest.raises(InputError, match=r"p.nii.gz holds 0, 0.49, 0.5, 0.51 where a mask"):
        read_labels(path)


def test_a_fourth_axis_of_one_is_no_matter(tmp_path):
    path = write(tmp_path / "a.nii.gz", lesions()[..., None])
    assert read_labels(path).data.shape == (12, 11, 5)


def with_header(path, **fields):
    """A file whose header bytes are changed after writing."""
    write(path, lesions())
    raw = bytearray(gzip.decompress(path.read_bytes()))
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    raw[:348] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(raw)))
    return path


def broken_files(tmp_path):
    labels = lesions().astype(np.float32)
    nan = labels.copy()
    nan[0, 0, 0] = np.nan
    whole = write(tmp_path / "whole.nii.gz", np.random.default_rng(0).random((20, 20, 20)))
    truncated, garbage = tmp_path / "truncated.nii.gz", tmp_path / "garbage.nii"
    truncated.write_bytes(whole.read_bytes()[:-2000])
    garbage.write_bytes(b"not an image at all" * 40)
    cut = tmp_path / "cut.nii"
    nib.save(nib.load(whole), cut)
    cut.write_bytes(cut.read_bytes()[:-500])
    text = tmp_path / "text.nii.gz"
    text.write_text("not compressed")
    empty = tmp_path / "empty.nii.gz"
    empty.write_bytes(b"")
    zero = np.array([1, 1, 0, 3, 1, 1, 1, 1], np.float32)
    return {
        tmp_path / "missing.nii.gz": "no such file",
        truncated: "cut short or damaged",
        cut: "cut short or damaged",
        garbage: "not a NIfTI file",
        text: "not a NIfTI file",
        empty: "is empty .0 bytes",
        write(tmp_path / "4d.nii.gz", np.stack([labels] * 2, -1)): "one 3D volume",
        write(tmp_path / "2d.nii.gz", labels[0]): "one 3D volume",
        write(tmp_path / "nan.nii.gz", nan): "NaN",
        write(tmp_path / "inf.nii.gz", np.where(np.isnan(nan), np.inf, nan)): "infinite",
        write(tmp_path / "complex.nii.gz", labels.astype(np.complex64)): "complex64",
        with_header(tmp_path / "zero.nii.gz", pixdim=zero): r"voxels of 1 x 0 x 3 mm",
        with_header(tmp_path / "flat.nii.gz", srow_y=[0, 0, 0, 0]): "sform in its header that maps",
        write(tmp_path / "ct.nii.gz", labels * 300 - 5): "-5, 295",
    }


def test_bad_files_are_named_in_one_sentence(tmp_path):
    for path, reason in broken_files(tmp_path).items():
        for read in (read_labels, read_prediction):
            with pytest.raises(InputError, match=reason) as caught:
                read(path)
            message = str(caught.value)
            assert path.name in message and message.endswith(".")


def test_many_values_are_not_all_listed(tmp_path):
    path = write(tmp_path / "a.nii.gz", np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    with pytest.raises(InputError, match=r"neither a mask .* 0, 1, 2, \.\.\., 58, 59;"):
        read_prediction(path)


def test_a_reference_whose_header_contradicts_its_affine_is_refused(tmp_path):
    path = with_header(tmp_path / "a.nii.gz", pixdim=np.array([1, 1, 1, 5, 1, 1, 1, 1], np.float32))
    for read in (read_labels, read_prediction):
        with pytest.raises(InputError, match="voxels of 1 x 1 x 5 mm, its affine of 1 x 1 x 3 mm"):
            read(path)
