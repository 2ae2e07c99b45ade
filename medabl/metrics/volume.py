"""Overlap and surface metrics of whole volumes, in mm."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medabl.metrics.masks import Volume, as_pair, as_spacing, crop_to_foreground, lesion_mask
from medabl.metrics.surface import (
    mean_distance,
    percentile_distance,
    surface,
    surface_dice,
    surface_distances,
)

TOLERANCES_MM = (1, 3)


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
    p, r = crop_to_foreground(lesion_mask(pred), lesion_mask(ref))
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


def _with_an_empty_mask(both: bool) -> dict[str, float]:
    overlap = math.nan if both else 0.0
    return {
        "dsc": overlap,
        **dict.fromkeys(("hd", "hd95", "asd", "assd"), math.nan),
        **{f"surface_dice_{mm}mm": overlap for mm in TOLERANCES_MM},
    }
