"""Overlap and surface metrics of whole volumes, in mm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from medabl.metrics.base import SpacingMetric
from medabl.metrics.batch import class_masks
from medabl.metrics.labels import Volume, check_class_numbers
from medabl.metrics.masks import as_mask_pair, as_spacing, crop_to_foreground
from medabl.metrics.surface import (
    mean_distance,
    percentile_distance,
    surface,
    surface_dice,
    surface_distances,
)

__all__ = ["TOLERANCES_MM", "VOLUME_METRICS", "VolumeMetric", "volume_metrics"]

TOLERANCES_MM = (1, 3)
VOLUME_METRICS = ("dsc", "hd", "hd95", "asd", "assd", "surface_dice_1mm", "surface_dice_3mm")


def volume_metrics(
    pred: Volume, ref: Volume, spacing: Sequence[float], label: int | None = None
) -> dict[str, float]:
    """Dice, Hausdorff, average surface distance and surface Dice of one class.

    The surfaces and the distances between them are computed once; the values are those of MONAI's
    `compute_dice`, `compute_hausdorff_distance`, `compute_average_surface_distance` and
    `compute_surface_dice` where both masks have voxels.

    - `dsc`: Dice coefficient; NaN if both masks are empty.
    - `hd`, `hd95`: larger of both directions' largest (95th percentile) distance between the
      surfaces, mm.
    - `asd`: mean distance from the predicted surface to the reference's, mm; `assd`: mean over both
      surfaces' voxels.
    - `surface_dice_1mm`, `surface_dice_3mm`: share of all surface voxels within the tolerance; NaN
      if both are empty, 0 if one is.

    The distances are NaN if a mask is empty.

    Args:
        pred: X x Y [x Z] labels or probabilities (cut at 0.5).
        ref: labels of the same shape.
        spacing: voxel sizes in mm, in the order of the axes.
        label: the class of label maps with several; None stands for the lesion of a WMH mask (1,
            label 2 being background) and for masks of 0 and 1, such as a channel of a one-hot.

    Returns:
        a dict of the above.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ or have neither two nor three axes, a value is neither label
            nor probability or the spacing is not positive.
    """
    masks = as_mask_pair(pred, ref, label)
    if masks[1].ndim not in (2, 3):
        raise ValueError(
            f"volume_metrics needs X x Y or X x Y x Z masks, got shape {masks[1].shape}; of a "
            "batch or one-hot pass one sample and channel at a time."
        )
    sizes = as_spacing(spacing, masks[1].ndim)
    p, r = (np.asfortranarray(mask) for mask in crop_to_foreground(*masks))
    n_p, n_r = np.count_nonzero(p), np.count_nonzero(r)
    if not n_p or not n_r:
        return _with_an_empty_mask(both=n_p == n_r)
    p_surface, r_surface = surface(p), surface(r)
    pred_to_ref = surface_distances(p_surface, r_surface, sizes)
    ref_to_pred = surface_distances(r_surface, p_surface, sizes)
    both = pred_to_ref, ref_to_pred
    return {
        "dsc": float(2 * np.count_nonzero(p & r) / (n_p + n_r)),
        "hd": percentile_distance(*both, 100),
        "hd95": percentile_distance(*both, 95),
        "asd": mean_distance(pred_to_ref),
        "assd": mean_distance(*both),
        **{f"surface_dice_{mm}mm": surface_dice(*both, mm) for mm in TOLERANCES_MM},
    }


class VolumeMetric(SpacingMetric):
    """`volume_metrics` as a MONAI metric.

    `y_pred` and `y` are B x 1 x X x Y [x Z] class indices or B x C x ... one-hot or probabilities
    (cut at 0.5). Any device; computed on the CPU.

    Args:
        metrics: one of `dsc`, `hd`, `hd95`, `asd`, `assd`, `surface_dice_1mm`, `surface_dice_3mm`
            (`aggregate` gives a scalar, as a key metric must be), several, or None for all
            (`aggregate` gives a dict).
        spacing: voxel sizes in mm; None takes them from the call (``spacing=``) or from the affine
            of `y` as a `MetaTensor`.
        classes: class indices, each with metrics of its own: `dsc_class1`, `dsc_class2` and so on.
            None stands for the lesion of a WMH mask (label or channel 1, label 2 being
            background), whose metrics are called `dsc` and so on.

    Raises:
        ValueError: at construction if a metric is not known or `classes` are not different whole
            numbers from 0 up; at call if there is no spacing or shapes or values do not fit.
    """

    _known = VOLUME_METRICS

    def __init__(
        self,
        metrics: str | Sequence[str] | None = None,
        spacing: Sequence[float] | None = None,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(metrics, spacing)
        self.classes = None if classes is None else check_class_numbers(classes)
        if self.classes is not None:
            self.names = tuple(f"{m}_class{c}" for c in self.classes for m in self.metrics)

    def _batch_rows(
        self, y_pred: Tensor, y: Tensor, spacings: Sequence[Sequence[float]]
    ) -> list[list[float]]:
        rows: list[list[float]] = [[] for _ in spacings]
        pred, ref = class_masks(y_pred, self.classes, "y_pred"), class_masks(y, self.classes, "y")
        for of_class in zip(pred, ref, strict=True):
            for row, p, r, spacing in zip(rows, *of_class, spacings, strict=True):
                sample = volume_metrics(p, r, spacing)
                row += [sample[metric] for metric in self.metrics]
        return rows


def _with_an_empty_mask(both: bool) -> dict[str, float]:
    overlap = math.nan if both else 0.0
    return {
        "dsc": overlap,
        **dict.fromkeys(("hd", "hd95", "asd", "assd"), math.nan),
        **{f"surface_dice_{mm}mm": overlap for mm in TOLERANCES_MM},
    }
