"""The five metrics of the WMH Segmentation Challenge."""

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
    reference_labels,
    spacing_of,
)
from medabl.metrics.lesions import find_lesions
from medabl.metrics.masks import Volume, as_pair, as_spacing, challenge_masks, crop_to_foreground
from medabl.metrics.surface import in_plane_boundary, percentile_distance, surface_distances

CHALLENGE_METRICS = ("dsc", "h95", "avd", "recall", "f1")


def wmh_challenge_metrics(pred: Volume, ref: Volume, spacing: Sequence[float]) -> dict[str, float]:
    """DSC, H95, AVD, lesion recall and lesion F1 as the WMH challenge publishes them.

    The reference's label 2 is cut out of both masks first; the prediction is cut at 0.5, for
    integer labels as for floats. P and R are the voxels left.

    - `dsc`: 2 |P and R| / (|P| + |R|); NaN if both are empty.
    - `h95`: larger of the two directed 95th percentiles of the distances in mm between the
      in-plane boundaries (`in_plane_boundary`), nearest voxels sought in 3D; NaN if P or R is
      empty.
    - `avd`: | |P| - |R| | / |R| in percent; NaN if R is empty.
    - `recall`: share of the 26-connected lesions of R that P touches; 1 if there is none.
    - `f1`: harmonic mean of `recall` and the share of the components of P that touch R (1 if
      there is none); 0 if both are 0.

    Source: Kuijf et al., *Standardized assessment of automatic segmentation of white matter
    hyperintensities*, IEEE TMI 2019, and the challenge's evaluation script.

    Args:
        pred: X x Y x Z labels or probabilities, slices along the last axis.
        ref: X x Y x Z labels 0, 1 (lesion), 2 (other pathology, ignored).
        spacing: voxel sizes in mm, in the order of the axes.

    Returns:
        a dict with `dsc`, `h95`, `avd`, `recall`, `f1`.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ, are not 3D, a value is NaN or the spacing is not positive.
    """
    pred, ref = as_pair(pred, ref)
    if ref.ndim != 3:
        raise ValueError(f"the challenge's metrics need X x Y x Z volumes, got shape {ref.shape}.")
    sizes = as_spacing(spacing, 3)
    found, lesion = challenge_masks(*crop_to_foreground(pred, ref))
    n_found, n_lesion = int(found.sum()), int(lesion.sum())

    h95 = math.nan
    if n_found and n_lesion:
        edges = in_plane_boundary(found), in_plane_boundary(lesion)
        # A mask that fills every slice has no boundary, hence no distance.
        if edges[0].any() and edges[1].any():
            there = surface_distances(edges[0], edges[1], sizes)
            back = surface_distances(edges[1], edges[0], sizes)
            h95 = percentile_distance(there, back, 95)

    recall = _share_hit(find_lesions(lesion, found).hit)
    precision = _share_hit(find_lesions(found, lesion).hit)
    both = recall + precision
    return {
        "dsc": _ratio(2 * int((found & lesion).sum()), n_found + n_lesion),
        "h95": h95,
        "avd": 100 * _ratio(abs(n_found - n_lesion), n_lesion),
        "recall": recall,
        "f1": 2 * recall * precision / both if both else 0.0,
    }


class WMHChallengeMetric(NamedMetric):
    """`wmh_challenge_metrics` of whole volumes as a MONAI metric.

    `y_pred` is B x 1 x X x Y x Z labels or probabilities, or B x C x ... one-hot (lesion = channel
    1); `y` likewise, its label (channel) 2 being masked out. Any device; computed on the CPU.

    Args:
        metrics: one of `dsc`, `h95`, `avd`, `recall`, `f1` (`aggregate` gives a scalar, as a key
            metric must be), several, or None for all five (`aggregate` gives a dict).
        spacing: voxel sizes in mm; None takes them from the call (``spacing=``) or from the affine
            of `y` as a `MetaTensor`.

    Raises:
        ValueError: at construction if a name is not known; at call if there is no spacing or the
            shapes do not fit.
    """

    def __init__(
        self, metrics: str | Sequence[str] | None = None, spacing: Sequence[float] | None = None
    ) -> None:
        super().__init__(chosen_names(metrics, CHALLENGE_METRICS))
        self.spacing = spacing

    def _compute_tensor(
        self, y_pred: Tensor, y: Tensor | None = None, spacing: Sequence[float] | None = None
    ) -> Tensor:
        y = check_pair(y_pred, y)
        sizes = spacing_of(y, self.spacing if spacing is None else spacing)
        pairs = zip(lesion_channel(y_pred, "y_pred"), reference_labels(y), sizes, strict=True)
        samples = [wmh_challenge_metrics(p, r, s) for p, r, s in pairs]
        rows = [[sample[name] for name in self.names] for sample in samples]
        return torch.tensor(rows, dtype=torch.double, device=y_pred.device)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _share_hit(hit: np.ndarray) -> float:
    return float(hit.mean()) if hit.size else 1.0
