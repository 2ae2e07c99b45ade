"""From label maps and probabilities to the binary masks that the metrics are defined on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from medabl.metrics.labels import Volume, check_class_numbers, check_labels, class_mask

__all__ = [
    "Mask",
    "as_array",
    "as_mask_pair",
    "as_pair",
    "as_spacing",
    "challenge_masks",
    "crop_to_foreground",
    "positions",
]

Mask: TypeAlias = npt.NDArray[np.bool_]


def as_array(volume: Volume, name: str) -> npt.NDArray[Any]:
    """The values of an array or tensor (of any device) as a NumPy array without NaN.

    Raises:
        TypeError: if it is no array or tensor, or its values are not real numbers.
        ValueError: if it holds NaN.
    """
    if isinstance(volume, torch.Tensor):
        # NumPy has no bfloat16.
        brain_float = volume.dtype == torch.bfloat16
        volume = (volume.detach().float() if brain_float else volume.detach()).cpu().numpy()
    if not isinstance(volume, np.ndarray) or volume.dtype.kind not in "buif":
        raise TypeError(
            f"{name} must be a NumPy array or a tensor of labels or probabilities, "
            f"got {type(volume).__name__}."
        )
    # The minimum is NaN if any value is.
    if volume.dtype.kind == "f" and volume.size and np.isnan(volume.min()):
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


def as_mask_pair(pred: Volume, ref: Volume, label: int | None) -> tuple[Mask, Mask]:
    """The masks of one class in both volumes.

    Args:
        pred: labels or probabilities.
        ref: labels of the same shape.
        label: as `class_mask`.

    Raises:
        TypeError: as `as_array`.
        ValueError: as `as_pair` and `check_labels`.
    """
    pred, ref = as_pair(pred, ref)
    classes = None if label is None else check_class_numbers([label])
    for labels, name in ((pred, "pred"), (ref, "ref")):
        check_labels(labels, classes, name)
    return class_mask(pred, label), class_mask(ref, label)


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


def challenge_masks(pred: npt.NDArray[Any], ref: npt.NDArray[Any]) -> tuple[Mask, Mask]:
    """Lesion masks of prediction and reference as the WMH challenge cuts them.

    The reference's label 2 takes part in neither. Anything of 0.5 and more elsewhere in the
    prediction counts as lesion.

    Args:
        pred: labels or probabilities.
        ref: labels 0, 1, 2 of the same shape.

    Returns:
        both masks, cut to the box around the foreground of either, in memory with the last axis
        (the slices) outermost: what walks along lines is fastest when the lines are long.

    Raises:
        ValueError: if they are not X x Y x Z, or if the reference has other labels.
    """
    if ref.ndim != 3:
        raise ValueError(f"the challenge's metrics need X x Y x Z volumes, got shape {ref.shape}.")
    check_labels(ref, None, "ref")
    pred, ref = crop_to_foreground(pred, ref)
    detected = _from_a_half(pred)
    if ref.dtype.kind == "f":
        lesion, other = (ref >= 0.5) & (ref <= 1.5), (ref >= 1.5) & (ref <= 2.5)
    else:
        lesion, other = ref == 1, ref == 2
    return np.asfortranarray(detected & ~other), np.asfortranarray(lesion)


def crop_to_foreground(
    pred: npt.NDArray[Any], ref: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Cut both volumes to the box around all values of 0.5 and more, one voxel wider.

    The box ends at the edge of the image; without any such value it is empty. No metric changes:
    what is cut away is background in both, and one voxel of it stays around the foreground.

    Args:
        pred: labels, probabilities or a mask.
        ref: the same, of the same shape.

    Returns:
        views of that box.
    """
    foreground = _from_a_half(pred) | _from_a_half(ref)
    indices = positions(foreground)
    if not len(indices):
        box = (slice(0, 0),) * pred.ndim
    else:
        first, last = indices.min(axis=0), indices.max(axis=0)
        box = tuple(slice(max(a - 1, 0), b + 2) for a, b in zip(first, last, strict=True))
    return pred[box], ref[box]


def positions(mask: Mask) -> npt.NDArray[np.intp]:
    """Indices of the foreground, N x axes, in the order of memory; much faster than `argwhere`."""
    order: Literal["F", "C"] = "F" if mask.flags.f_contiguous else "C"
    flat = np.flatnonzero(mask.ravel(order))
    return np.stack(np.unravel_index(flat, mask.shape, order), axis=1)


def _from_a_half(volume: npt.NDArray[Any]) -> Mask:
    return (
        volume if volume.dtype == np.bool_ else volume >= (0.5 if volume.dtype.kind == "f" else 1)
    )
