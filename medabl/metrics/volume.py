"""Overlap and surface metrics of whole volumes, in mm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from medabl.metrics.cumulative import (
    NamedMetric,
    check_pair,
    chosen_names,
    lesion_channel,
    spacing_of,
)
from medabl.metrics.masks import Volume, as_pair, as_spacing, crop_to_foreground, lesion_mask
from medabl.metrics.surface import (
    mean_distance,
    percentile_distance,
    surface,
    surface_dice,
    surface_distances,
)

TOLERANCES_MM = (1, 3)
VOLUME_METRICS = ("dsc", "hd", "hd95", "asd", "assd", "surface_dice_1mm", "surface_dice_3mm")


def volume_metrics(pred: Volume, ref: Volume, spacing: Sequence[float]) -> dict[str, float]:
    """Dice, Hausdorff, average surface distance and surface Dice of label 1.

    The surfaces and the distances between them are computed once; the values are those of MONAI's
    `compute_dice`, `compute_hausdorff_distance`, `compute_average_surface_distance` and
    `compute_surface_dice` where both masks have voxels. Label 2 is background.

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

    Returns:
        a dict of the above.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ, a value is NaN or the spacing is not positive.
    """
    pred, ref = as_pair(pred, ref)
    sizes = as_spacing(spacing, ref.ndim)
    p, r = (np.asfortranarray(lesion_mask(v)) for v in crop_to_foreground(pred, ref))
    n_p, n_r = np.count_nonzero(p), np.count_nonzero(r)
    if not n_p or not n_r:
        return _with_an_empty_mask(both=n_p == n_r)
    p_surface, r_surface = surface(p), surface(r)
    there = surface_distances(p_surface, r_surface, sizes)
    back = surface_distances(r_surface, p_surface, sizes)
    return {
        "dsc": float(2 * np.count_nonzero(p & r) / (n_p + n_r)),
        "hd": percentile_distance(there, back, 100),
        "hd95": percentile_distance(there, back, 95),
        "asd": mean_distance(there),
        "assd": mean_distance(there, back),
        **{f"surface_dice_{mm}mm": surface_dice(there, back, mm) for mm in TOLERANCES_MM},
    }


class VolumeMetric(NamedMetric):
    """`volume_metrics` as a MONAI metric.

    `y_pred` and `y` are B x 1 x X x Y [x Z] labels (lesion = 1) or B x C x ... one-hot (lesion =
    channel 1). Any device; computed on the CPU.

    Args:
        metrics: one of `dsc`, `hd`, `hd95`, `asd`, `assd`, `surface_dice_1mm`, `surface_dice_3mm`
            (`aggregate` gives a scalar, as a key metric must be), several, or None for all
            (`aggregate` gives a dict).
        spacing: voxel sizes in mm; None takes them from the call (``spacing=``) or from the affine
            of `y` as a `MetaTensor`.

    Raises:
        ValueError: at construction if a name is not known; at call if there is no spacing or the
            shapes do not fit.
    """

    def __init__(
        self, metrics: str | Sequence[str] | None = None, spacing: Sequence[float] | None = None
    ) -> None:
        super().__init__(chosen_names(metrics, VOLUME_METRICS))
        self.spacing = spacing

    def _compute_tensor(
        self, y_pred: Tensor, y: Tensor | None = None, spacing: Sequence[float] | None = None
    ) -> Tensor:
        y = check_pair(y_pred, y)
        sizes = spacing_of(y, self.spacing if spacing is None else spacing)
        pairs = zip(lesion_channel(y_pred, "y_pred"), lesion_channel(y, "y"), sizes, strict=True)
        samples = [volume_metrics(p, r, s) for p, r, s in pairs]
        rows = [[sample[name] for name in self.names] for sample in samples]
        return torch.tensor(rows, dtype=torch.double, device=y_pred.device)


def _with_an_empty_mask(both: bool) -> dict[str, float]:
    overlap = math.nan if both else 0.0
    return {
        "dsc": overlap,
        **dict.fromkeys(("hd", "hd95", "asd", "assd"), math.nan),
        **{f"surface_dice_{mm}mm": overlap for mm in TOLERANCES_MM},
    }
