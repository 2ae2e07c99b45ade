"""A prediction brought onto the grid of its reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from medabl.data.nifti import Volume
from medabl.errors import InputError


def resample_to(prediction: Volume, reference: Volume) -> Volume:
    """The prediction on the reference's grid, by SimpleITK.

    Class indices are those of the nearest voxel; probabilities (floats) are interpolated linearly.
    Outside the prediction's grid is background.

    Args:
        prediction: a volume of class indices, 0 for the background, or of probabilities.
        reference: a volume whose shape and affine count.

    Raises:
        InputError: if the prediction has foreground and none of it lies inside the reference.
    """
    import SimpleITK as sitk

    moved = sitk.Resample(
        _to_sitk(prediction),
        _to_sitk(reference),
        sitk.Transform(),
        sitk.sitkLinear if prediction.data.dtype.kind == "f" else sitk.sitkNearestNeighbor,
    )
    data = sitk.GetArrayFromImage(moved).transpose(2, 1, 0)
    if (prediction.data >= 0.5).any() and not (data >= 0.5).any():
        raise InputError(
            f"{prediction.path} has no foreground inside the grid of {reference.path}; check that "
            "both show one subject in one space."
        )
    return replace(reference, path=prediction.path, data=data)


def _to_sitk(volume: Volume) -> Any:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(volume.data.transpose(2, 1, 0))
    # NIfTI's axes point right, anterior, superior; ITK's left, posterior, superior.
    to_itk = np.diag([-1.0, -1.0, 1.0])
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((to_itk @ volume.affine[:3, 3]).tolist())
    image.SetDirection((to_itk @ volume.affine[:3, :3] / spacing).ravel().tolist())
    return image
