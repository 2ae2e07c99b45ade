"""Surfaces of binary masks, the distances between them, and what is read off the distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from medabl.metrics.masks import Mask, positions

__all__ = [
    "Distances",
    "in_plane_boundary",
    "mean_distance",
    "percentile_distance",
    "surface",
    "surface_dice",
    "surface_distances",
]

Distances = npt.NDArray[np.float64]

_ROUNDING = 1e-6


def surface(mask: Mask) -> Mask:
    """Foreground voxels with a background face neighbour; beyond the image is background.

    The same voxels as MONAI's `get_mask_edges` (without spacing) marks.

    Args:
        mask: boolean array of any number of axes.
    """
    padded = np.pad(mask, 1)
    inside = mask
    core = slice(1, -1)
    for axis in range(mask.ndim):
        for shifted in (slice(0, -2), slice(2, None)):
            box = tuple(shifted if a == axis else core for a in range(mask.ndim))
            inside = inside & padded[box]
    return mask & ~inside


def in_plane_boundary(mask: Mask) -> Mask:
    """Foreground voxels with a background voxel among their 8 neighbours in the slice.

    Beyond the image is foreground: a lesion cut off by the image's edge has no boundary there.
    That is what SimpleITK's `BinaryErode` with radius (1, 1, 0) leaves, as the WMH challenge uses
    it.

    Args:
        mask: boolean X x Y x Z, slices along the last axis.
    """
    eroded = mask
    for axis in (0, 1):
        width = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        along = np.moveaxis(np.pad(eroded, width, constant_values=True), axis, 0)
        eroded = np.moveaxis(along[:-2] & along[1:-1] & along[2:], 0, axis)
    return mask & ~eroded


def surface_distances(source: Mask, target: Mask, spacing: npt.NDArray[np.float64]) -> Distances:
    """Distance of every voxel of one surface to the nearest voxel of the other.

    Args:
        source: the surface whose voxels are measured.
        target: the surface measured to, of the same shape; at least one voxel.
        spacing: voxel sizes, one for each axis.

    Returns:
        one distance in units of `spacing` for each voxel of `source`, in no particular order.
    """
    apart = positions(source & ~target)
    shared = int(np.count_nonzero(source)) - len(apart)
    if not len(apart):
        return np.zeros(shared)
    # Median splits and small leaves cost more than they save in a tree that is used once.
    tree = cKDTree(
        positions(target) * spacing, leafsize=32, balanced_tree=False, compact_nodes=False
    )
    return np.concatenate([np.zeros(shared), tree.query(apart * spacing)[0]])


def percentile_distance(pred_to_ref: Distances, ref_to_pred: Distances, percentile: float) -> float:
    """The larger of both directions' percentiles; 100 gives the Hausdorff distance, 95 HD95."""
    return float(max(np.percentile(d, percentile) for d in (pred_to_ref, ref_to_pred)))


def mean_distance(*distances: Distances) -> float:
    """Mean over all the surface voxels together."""
    return float(np.concatenate(distances).mean())


def surface_dice(pred_to_ref: Distances, ref_to_pred: Distances, tolerance: float) -> float:
    """Share of all surface voxels no farther than `tolerance` from the other surface."""
    # Five voxels of 0.6 mm are 3 mm, whatever the last bits of the sum say.
    limit = tolerance + _ROUNDING
    near = np.count_nonzero(pred_to_ref <= limit) + np.count_nonzero(ref_to_pred <= limit)
    return float(near / (pred_to_ref.size + ref_to_pred.size))
