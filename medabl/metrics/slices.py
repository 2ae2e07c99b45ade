"""The slice-wise numbers of the published 2019 protocol."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medabl.metrics.cumulative import NamedMetric, check_pair, lesion_channel
from medabl.metrics.masks import Volume, as_pair, lesion_mask

_SMOOTH = 1e-8
_SLICES_AT_ONCE = 64


def slice_metrics(pred: Volume, ref: Volume) -> dict[str, npt.NDArray[np.float64]]:
    """Dice and row Hausdorff of every slice, as the 2018 boundary loss code computed them.

    For comparison with published tables only: `hd` is no distance in mm (see `row_hausdorff`).

    Args:
        pred: S x H x W labels or probabilities (cut at 0.5), S slices; label 2 is background.
        ref: labels of the same shape.

    Returns:
        a dict with `dsc` and `hd`, arrays of length S.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ, are not S x H x W, or a value is NaN.
    """
    pred, ref = as_pair(pred, ref)
    if ref.ndim != 3:
        raise ValueError(f"slice_metrics needs S x H x W slices, got shape {ref.shape}.")
    p, r = (torch.from_numpy(np.ascontiguousarray(lesion_mask(v))) for v in (pred, ref))
    return {"dsc": slice_dice(p, r).numpy(), "hd": row_hausdorff(p, r).numpy()}


class SliceDiceMetric(NamedMetric):
    """Slice-wise Dice of the 2019 protocol as a MONAI metric: mean of `slice_dice` over slices.

    `y_pred` and `y` are B x 1 x H x W class indices (lesion = 1) or B x C x H x W one-hot (lesion
    = channel 1), on any device; the buffer is N x 1.

    Example::

        metric = SliceDiceMetric()
        metric(y_pred, y)
        metric.aggregate().item()
    """

    def __init__(self) -> None:
        super().__init__(["slice_dsc"])

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        return slice_dice(*_slices(y_pred, y))[:, None]


class SliceHausdorffRowsMetric(NamedMetric):
    """Row Hausdorff of the 2019 protocol as a MONAI metric: mean of `row_hausdorff` over slices.

    Input as `SliceDiceMetric`. Not a distance in mm.
    """

    def __init__(self) -> None:
        super().__init__(["slice_hd_rows"])

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        return row_hausdorff(*_slices(y_pred, y))[:, None]


def _slices(y_pred: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
    y = check_pair(y_pred, y)
    pred, ref = lesion_channel(y_pred, "y_pred"), lesion_channel(y, "y")
    if ref.ndim != 3:
        raise ValueError(f"y must be B x C x H x W slices, got shape {tuple(y.shape)}.")
    return pred, ref


def slice_dice(pred: Tensor, ref: Tensor) -> Tensor:
    """Dice of each slice, (2 |P and R| + 1e-8) / (|P| + |R| + 1e-8): 1 where both are empty.

    Args:
        pred: S x H x W bool.
        ref: S x H x W bool.

    Returns:
        S, float64, on the masks' device.
    """
    shared = (pred & ref).flatten(1).sum(1).double()
    total = (pred.flatten(1).sum(1) + ref.flatten(1).sum(1)).double()
    return (2 * shared + _SMOOTH) / (total + _SMOOTH)


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
    pairs = zip(pred.split(_SLICES_AT_ONCE), ref.split(_SLICES_AT_ONCE), strict=True)
    results = [_row_hausdorff_at_once(p, r) for p, r in pairs]
    return torch.cat(results) if results else torch.zeros(0, dtype=torch.double)


def _row_hausdorff_at_once(pred: Tensor, ref: Tensor) -> Tensor:
    # Row distances do not change when foreground and background swap, nor when columns go that
    # are empty in both masks; and of the rows empty in both, one stands for all.
    either = pred | ref
    filled_rows, filled_columns = (torch.nonzero(either.any(0).any(d)).flatten() for d in (1, 0))
    if not filled_rows.numel():
        return torch.zeros(len(pred), dtype=torch.double, device=pred.device)
    rows = slice(max(int(filled_rows[0]) - 1, 0), int(filled_rows[-1]) + 2)
    columns = slice(int(filled_columns[0]), int(filled_columns[-1]) + 1)
    # Counts of pixels: exact in float32 (below 2^24), and matrix products are fast in it.
    p, r = (m[:, rows, columns].float() for m in (pred, ref))
    differing = p.sum(2)[:, :, None] + r.sum(2)[:, None, :] - 2 * p @ r.transpose(1, 2)
    there = differing.amin(2).amax(1)
    back = differing.amin(1).amax(1)
    return torch.maximum(there, back).double().sqrt()
