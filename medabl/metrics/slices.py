"""The slice-wise numbers of the published 2019 protocol."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medabl.metrics.base import ClassMeanMetric
from medabl.metrics.batch import count_foreground
from medabl.metrics.dice import dice_scores
from medabl.metrics.labels import Volume
from medabl.metrics.masks import as_mask_pair

__all__ = [
    "SliceDiceMetric",
    "SliceHausdorffRowsMetric",
    "row_hausdorff",
    "slice_dice",
    "slice_metrics",
]

_SMOOTH = 1e-8
# What is computed in between for this many slices stays small, on a CPU in the cache.
_SLICES_AT_ONCE = 16


def slice_metrics(
    pred: Volume, ref: Volume, label: int | None = None
) -> dict[str, npt.NDArray[np.float64]]:
    """Dice and row Hausdorff of every slice, as the 2018 boundary loss code computed them.

    For comparison with published tables only: `hd` is no distance in mm (see `row_hausdorff`).

    Args:
        pred: S x H x W labels or probabilities (cut at 0.5), S slices.
        ref: labels of the same shape.
        label: the class of label maps with several; None stands for the lesion of a WMH mask (1,
            label 2 being background).

    Returns:
        a dict with `dsc` and `hd`, arrays of length S.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ, are not S x H x W, or a value is neither label nor
            probability.
    """
    masks = as_mask_pair(pred, ref, label)
    if masks[1].ndim != 3:
        raise ValueError(f"slice_metrics needs S x H x W slices, got shape {masks[1].shape}.")
    p, r = (torch.from_numpy(np.ascontiguousarray(mask)) for mask in masks)
    return {"dsc": slice_dice(p, r).numpy(), "hd": row_hausdorff(p, r).numpy()}


class SliceDiceMetric(ClassMeanMetric):
    """Slice-wise Dice of the 2019 protocol as a MONAI metric: mean of `slice_dice` over slices.

    `y_pred` and `y` are B x 1 x H x W class indices or B x C x H x W one-hot or probabilities (cut
    at 0.5), on any device; the buffer is N x 1. With several classes a slice's value is their mean.

    Args:
        classes: the class indices that count; None stands for the lesion of a WMH mask (label or
            channel 1, label 2 being background), as published.

    Raises:
        ValueError: if `classes` are not different whole numbers from 0 up; at call if shapes or
            values do not fit.

    Example::

        metric = SliceDiceMetric()
        metric(y_pred, y)
        metric.aggregate().item()
    """

    _name = "slice_dsc"
    _spatial_dims = (2,)

    def _of_masks(self, pred: Tensor, ref: Tensor) -> Tensor:
        return slice_dice(pred, ref)


class SliceHausdorffRowsMetric(ClassMeanMetric):
    """Row Hausdorff of the 2019 protocol as a MONAI metric: mean of `row_hausdorff` over slices.

    Input, arguments and errors as `SliceDiceMetric`. Not a distance in mm.
    """

    _name = "slice_hd_rows"
    _spatial_dims = (2,)

    def _of_masks(self, pred: Tensor, ref: Tensor) -> Tensor:
        return row_hausdorff(pred, ref)


def slice_dice(pred: Tensor, ref: Tensor) -> Tensor:
    """Dice of each slice, (2 |P and R| + 1e-8) / (|P| + |R| + 1e-8): 1 where both are empty.

    Args:
        pred: S x H x W bool.
        ref: S x H x W bool.

    Returns:
        S, float64, on the masks' device.
    """
    return _over_slices(_dice_at_once, pred, ref)


def row_hausdorff(pred: Tensor, ref: Tensor) -> Tensor:
    """Hausdorff distance between the rows of two masks, each row taken as a point of {0, 1}^W.

    SciPy's `directed_hausdorff` takes a list of points; the 2018 code handed it the background
    mask of a slice, so that each image row became one point. Kept because the published HD of
    about 1 is this number: the square root of a count of differing pixels, not a length.

    Args:
        pred: S x H x W bool.
        ref: S x H x W bool.

    Returns:
        S, float64, on the masks' device; the larger of both directions.
    """
    return _over_slices(_row_hausdorff_at_once, pred, ref)


def _over_slices(metric: Callable[[Tensor, Tensor], Tensor], pred: Tensor, ref: Tensor) -> Tensor:
    parts = zip(pred.split(_SLICES_AT_ONCE), ref.split(_SLICES_AT_ONCE), strict=True)
    return torch.cat([metric(p, r) for p, r in parts])


def _dice_at_once(pred: Tensor, ref: Tensor) -> Tensor:
    return dice_scores(pred, ref, _SMOOTH)


def _row_hausdorff_at_once(pred: Tensor, ref: Tensor) -> Tensor:
    result = torch.zeros(len(pred), dtype=torch.double, device=pred.device)
    differ = torch.nonzero(count_foreground(pred ^ ref)).flatten()
    if not len(differ):
        return result
    pred, ref = pred[differ], ref[differ]
    # Row distances do not change when foreground and background swap, nor when columns go that
    # are empty in both masks; and of the rows empty in both, one stands for all.
    either = (pred | ref).any(0)
    filled_rows, filled_columns = (torch.nonzero(either.any(axis)).flatten() for axis in (1, 0))
    rows = slice(max(int(filled_rows[0]) - 1, 0), int(filled_rows[-1]) + 2)
    columns = slice(int(filled_columns[0]), int(filled_columns[-1]) + 1)
    # Zeros, ones and counts of pixels: exact at any matrix product precision, if not cast down.
    with torch.autocast(pred.device.type, enabled=False):
        p, r = (m[:, rows, columns].float() for m in (pred, ref))
        squared = p.sum(2)[:, :, None] + r.sum(2)[:, None, :] - 2 * (p @ r.transpose(1, 2))
    there, back = squared.amin(2).amax(1), squared.amin(1).amax(1)
    result[differ] = torch.maximum(there, back).double().sqrt()
    return result
