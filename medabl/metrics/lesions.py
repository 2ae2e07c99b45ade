"""Lesions as connected components, and which of them were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medabl.metrics.masks import (
    Mask,
    Volume,
    as_pair,
    as_spacing,
    challenge_masks,
    crop_to_foreground,
)


class Lesions(NamedTuple):
    """The 26-connected components of a mask: their voxel counts, and whether each was hit."""

    voxels: npt.NDArray[np.int64]
    hit: npt.NDArray[np.bool_]


def find_lesions(mask: Mask, other: Mask) -> Lesions:
    """Connected components of `mask`, each hit if it shares a voxel with `other`.

    Args:
        mask: boolean array whose components, diagonals included (3D: 26-connected), are lesions.
        other: boolean array of the same shape.
    """
    labels, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    voxels = np.bincount(labels[mask], minlength=count + 1)[1:]
    hit = np.zeros(count + 1, dtype=bool)
    hit[labels[mask & other]] = True
    return Lesions(voxels, hit[1:])


def lesion_table(pred: Volume, ref: Volume, spacing: Sequence[float]) -> list[dict[str, float]]:
    """The reference's lesions, how large they are and whether the prediction touches them.

    Lesions are the 26-connected components of the reference's label 1; one is detected if a
    predicted voxel (masked as for the challenge: `wmh_challenge_metrics`) lies in it.

    Args:
        pred: X x Y x Z labels or probabilities.
        ref: X x Y x Z labels 0, 1, 2.
        spacing: voxel sizes in mm, in the order of the axes.

    Returns:
        for each lesion a dict of `volume_mm3` and `detected` (0 or 1), in scan order.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ, a value is NaN or the spacing is not positive.
    """
    pred, ref = as_pair(pred, ref)
    voxel_mm3 = float(as_spacing(spacing, ref.ndim).prod())
    detected, lesion = crop_to_foreground(*challenge_masks(pred, ref))
    voxels, hit = find_lesions(lesion, detected)
    return [
        {"volume_mm3": float(n * voxel_mm3), "detected": int(h)}
        for n, h in zip(voxels, hit, strict=True)
    ]
