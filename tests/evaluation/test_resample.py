"""Predictions on another grid than their reference's, against nibabel's resampling."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to
from scipy.ndimage import gaussian_filter

from medabl.data.nifti import read_nifti
from medabl.evaluation import evaluate_paths
from medabl.evaluation.resample import resample_to
from tests.evaluation.nifti_files import lesions, oblique, write


@pytest.fixture
def reference(tmp_path):
    return write(tmp_path / "ref.nii.gz", lesions(), oblique())


def probabilities(path, seed=0):
    """A smooth probability map on a finer grid, shifted by less than a voxel and padded."""
    affine = oblique()
    affine[:3, :3] *= 0.7
    affine[:3, 3] -= affine[:3, :3] @ [5.3, 4.6, 3.2]
    noise = np.random.default_rng(seed).random((32, 30, 16))
    smooth = gaussian_filter(noise, 2)
    values = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return write(path, values.astype(np.float32), affine)


@pytest.mark.parametrize("order", [0, 1], ids=["labels", "probabilities"])
def test_values_are_those_of_nibabel(tmp_path, reference, order):
    path = probabilities(tmp_path / "p.nii.gz")
    prediction, onto = read_nifti(path), read_nifti(reference)
    image = nib.load(path)
    if order == 0:
        labels = (prediction.data >= 0.5).astype(np.uint8)
        prediction = type(prediction)(**{**vars(prediction), "data": labels})
        image = nib.Nifti1Image((image.get_fdata() >= 0.5).astype(np.uint8), image.affine)
    ours = resample_to(prediction, onto)
    canonical = nib.Nifti1Image(onto.data.astype(np.uint8), onto.affine)
    theirs = resample_from_to(image, canonical, order=order, cval=0).get_fdata()
    assert ours.data.shape == theirs.shape == onto.data.shape
    np.testing.assert_array_equal(ours.affine, onto.affine)
    assert len(np.unique(theirs)) > 1
    np.testing.assert_allclose(ours.data, theirs, atol=1e-5)


def test_probabilities_are_cut_after_they_are_resampled(tmp_path, reference):
    path = probabilities(tmp_path / "p.nii.gz")
    row = evaluate_paths(path, reference, resample=True, progress=False).subjects.iloc[0]
    theirs = resample_from_to(nib.load(path), nib.load(reference), order=1).get_fdata() >= 0.5
    truth = lesions() == 1
    dice = 2 * (theirs & truth).sum() / (theirs.sum() + truth.sum())
    assert row["dsc"] == pytest.approx(dice, abs=1e-9)
    assert row["prediction_ml"] == pytest.approx(theirs.sum() * 0.9 * 1.1 * 2.5 / 1000, rel=1e-4)
