"""Lesions as connected components, and which of them were found."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from medabl.metrics.labels import Volume
from medabl.metrics.masks import Mask, as_pair, as_spacing, challenge_masks

__all__ = ["Lesions", "find_lesions", "lesion_table"]


class Lesions(NamedTuple):
    """The 26-connected components of a mask: their voxel counts, and whether each was detected."""

    voxels: npt.NDArray[np.int64]
    detected: npt.NDArray[np.bool_]


def find_lesions(mask: Mask, other: Mask) -> Lesions:
    """Connected components of `mask`, each detected if it shares a voxel with `other`.

    Args:
        mask: boolean array whose components, diagonals included (3D: 26-connected), are lesions.
        other: boolean array of the same shape.
    """
    padded = np.pad(mask, 1)
    voxels = np.flatnonzero(padded.ravel("K"))
    if not len(voxels):
        return Lesions(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    # Lesions are few: a graph of the foreground's runs along the lines of memory is small, and the
    # background costs nothing.
    breaks = np.flatnonzero(np.diff(voxels) > 1)
    first, last = voxels[np.r_[0, breaks + 1]], voxels[np.r_[breaks, -1]]
    lines = [stride for stride in padded.strides if stride > 1]
    steps = np.array([*itertools.product((-1, 0, 1), repeat=len(lines))]) @ np.array(lines)
    edges = [_touching(first, last, step) for step in steps[steps > 0]]
    starts, ends = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = sparse.coo_array(
        (np.ones(len(starts), dtype=bool), (starts, ends)), shape=(len(first), len(first))
    )
    count, of_run = csgraph.connected_components(graph, directed=False)
    labels = np.repeat(of_run, last - first + 1)
    detected = np.zeros(count, dtype=bool)
    detected[labels[np.pad(mask & other, 1).ravel("K")[voxels]]] = True
    return Lesions(np.bincount(labels, minlength=count), detected)


def lesion_table(pred: Volume, ref: Volume, spacing: Sequence[float]) -> list[dict[str, float]]:
    """The reference's lesions, how large they are and whether the prediction touches them.

    Lesions are the 26-connected components of the reference's label 1; one is detected if a
    predicted voxel (masked as for the challenge: `wmh_challenge_metrics`) lies in it.

    Args:
        pred: X x Y x Z labels or probabilities.
        ref: X x Y x Z labels 0, 1, 2.
        spacing: voxel sizes in mm, in the order of the axes.

    Returns:
        for each lesion a dict of `volume_mm3` and `detected` (0 or 1), in no particular order.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ or are not 3D, a value is NaN, the reference has other labels
            or the spacing is not positive.
    """
    pred, ref = as_pair(pred, ref)
    voxel_mm3 = float(as_spacing(spacing, ref.ndim).prod())
    found, lesion = challenge_masks(pred, ref)
    lesions = find_lesions(lesion, found)
    return [
        {"volume_mm3": float(voxels * voxel_mm3), "detected": int(detected)}
        for voxels, detected in zip(*lesions, strict=True)
    ]


def _touching(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], step: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of runs that touch, diagonals included, the second one being `step` in memory ahead."""
    begin = np.searchsorted(last, first + step - 1)
    number = np.searchsorted(first, last + step + 1, side="right") - begin
    starts = np.repeat(np.arange(len(first)), number)
    nth = np.arange(len(starts)) - np.repeat(np.cumsum(number) - number, number)
    return starts, np.repeat(begin, number) + nth
