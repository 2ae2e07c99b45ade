"""From label maps and probabilities to the binary masks that the metrics are defined on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

Volume: TypeAlias = npt.NDArray[Any] | torch.Tensor
Mask: TypeAlias = npt.NDArray[np.bool_]


def as_array(volume: Volume, name: str) -> npt.NDArray[Any]:
    """The values of an array or tensor (of any device) as a NumPy array without NaN.

    Raises:
        TypeError: if it is no array or tensor, or its values are not real numbers.
        ValueError: if it holds NaN.
    """
    if isinstance(volume, torch.Tensor):
        volume = volume.detach().cpu().numpy()
    if not isinstance(volume, np.ndarray) or volume.dtype.kind not in "buif":
        raise TypeError(
            f"{name} must be a NumPy array or a tensor of labels or probabilities, "
            f"got {type(volume).__name__}."
        )
    if volume.dtype.kind == "f" and np.isnan(volume).any():
        raise ValueError(f"{name} holds NaN; replace them by a label before computing metrics.")
    return volume


def as_pair(pred: Volume, ref: Volume) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both volumes as NumPy arrays.

    Raises:
        TypeError: as `as_array`.
        ValueError: as `as_array`, or if the shapes differ.
    """
    pred, ref = as_array(pred, "pred"), as_array(ref, "ref")
    if pred.shape != ref.shape:
        raise ValueError(f"pred and ref must have one shape, got {pred.shape} and {ref.shape}.")
    return pred, ref


def as_spacing(spacing: Sequence[float], dims: int) -> npt.NDArray[np.float64]:
    """Voxel sizes, checked.

    Raises:
        ValueError: unless there is one finite positive number for each of the `dims` axes.
    """
    sizes = np.asarray(spacing, dtype=np.float64)
    if sizes.shape != (dims,) or not np.isfinite(sizes).all() or (sizes <= 0).any():
        raise ValueError(
            f"spacing must be {dims} positive numbers (mm), one for each axis, got {spacing!r}."
        )
    return sizes


def lesion_mask(volume: npt.NDArray[Any]) -> Mask:
    """Voxels of label 1 or probability 0.5 and more; label 2 (other pathology) is background."""
    if volume.dtype == np.bool_:
        return volume
    if volume.dtype.kind in "ui":
        return volume == 1
    return (volume >= 0.5) & (volume < 1.5)


def challenge_masks(pred: npt.NDArray[Any], ref: npt.NDArray[Any]) -> tuple[Mask, Mask]:
    """Lesion masks of prediction and reference as the WMH challenge cuts them.

    The reference's label 2 takes part in neither. Anything of 0.5 and more elsewhere in the
    prediction counts as lesion.

    Args:
        pred: labels or probabilities.
        ref: labels 0, 1, 2 of the same shape.
    """
    detected = pred if pred.dtype == np.bool_ else pred >= (0.5 if pred.dtype.kind == "f" else 1)
    if ref.dtype == np.bool_:
        return detected, ref
    if ref.dtype.kind in "ui":
        return detected & (ref != 2), ref == 1
    return detected & ~((ref >= 1.5) & (ref <= 2.5)), (ref >= 0.5) & (ref <= 1.5)


def crop_to_foreground(*masks: Mask, margin: int = 1) -> tuple[Mask, ...]:
    """Cut all masks to the box around their common foreground, `margin` voxels wider.

    The box ends at the edge of the image. Without any foreground the result is empty.

    Args:
        masks: masks of one shape.
        margin: how many voxels of background are kept around the foreground.
    """
    box = []
    for axis in range(masks[0].ndim):
        others = tuple(a for a in range(masks[0].ndim) if a != axis)
        filled = np.flatnonzero(np.logical_or.reduce([m.any(axis=others) for m in masks]))
        if not filled.size:
            return tuple(m[(slice(0, 0),) * m.ndim] for m in masks)
        box.append(slice(max(filled[0] - margin, 0), filled[-1] + margin + 1))
        masks = tuple(m[(slice(None),) * axis + (box[axis],)] for m in masks)
    return masks
