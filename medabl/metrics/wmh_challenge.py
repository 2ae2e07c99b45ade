"""The five metrics of the WMH Segmentation Challenge."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from medabl.metrics.base import SpacingMetric
from medabl.metrics.batch import class_indices, class_masks
from medabl.metrics.labels import Volume
from medabl.metrics.lesions import Lesions, find_lesions
from medabl.metrics.masks import as_pair, as_spacing, challenge_masks
from medabl.metrics.surface import in_plane_boundary, percentile_distance, surface_distances

__all__ = ["CHALLENGE_METRICS", "WMHChallengeMetric", "wmh_challenge_metrics"]

CHALLENGE_METRICS = ("dsc", "h95", "avd", "recall", "f1")


def wmh_challenge_metrics(pred: Volume, ref: Volume, spacing: Sequence[float]) -> dict[str, float]:
    """DSC, H95, AVD, lesion recall and lesion F1 as the WMH challenge publishes them.

    The reference's label 2 is cut out of both masks first; the prediction is cut at 0.5, for
    integer labels as for floats. P and R are the voxels left.

    - `dsc`: ``2 |P and R| / (|P| + |R|)``; NaN if both are empty.
    - `h95`: larger of the two directed 95th percentiles of the distances in mm between the
      in-plane boundaries (`in_plane_boundary`), nearest voxels sought in 3D; NaN if P or R is
      empty.
    - `avd`: ``| |P| - |R| | / |R|`` in percent; NaN if R is empty.
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
        ValueError: if shapes differ, are not 3D, a value is NaN, the reference has other labels or
            the spacing is not positive.
    """
    pred, ref = as_pair(pred, ref)
    found, lesion = challenge_masks(pred, ref)
    sizes = as_spacing(spacing, 3)
    n_found, n_lesion = int(found.sum()), int(lesion.sum())

    h95 = math.nan
    if n_found and n_lesion:
        edges = in_plane_boundary(found), in_plane_boundary(lesion)
        # A mask that fills every slice has no boundary, hence no distance.
        if edges[0].any() and edges[1].any():
            pred_to_ref = surface_distances(edges[0], edges[1], sizes)
            ref_to_pred = surface_distances(edges[1], edges[0], sizes)
            h95 = percentile_distance(pred_to_ref, ref_to_pred, 95)

    recall = _share_detected(find_lesions(lesion, found))
    precision = _share_detected(find_lesions(found, lesion))
    both = recall + precision
    return {
        "dsc": _ratio(2 * int((found & lesion).sum()), n_found + n_lesion),
        "h95": h95,
        "avd": 100 * _ratio(abs(n_found - n_lesion), n_lesion),
        "recall": recall,
        "f1": 2 * recall * precision / both if both else 0.0,
    }


class WMHChallengeMetric(SpacingMetric):
    """`wmh_challenge_metrics` of whole volumes as a MONAI metric.

    `y_pred` is B x 1 x X x Y x Z labels or probabilities, or B x C x ... one-hot (lesion = channel
    1); `y` likewise, its label (channel) 2 being masked out. Any device; computed on the CPU.

    The names that `aggregate` gives are `challenge_dsc`, `challenge_h95`, `challenge_avd`,
    `challenge_recall`, `challenge_f1`, so that a `VolumeMetric` may stand beside it.

    Args:
        metrics: one of `dsc`, `h95`, `avd`, `recall`, `f1` (`aggregate` gives a scalar, as a key
            metric must be), several, or None for all five (`aggregate` gives a dict).
        spacing: voxel sizes in mm; None takes them from the call (``spacing=``) or from the affine
            of `y` as a `MetaTensor`.

    Raises:
        ValueError: at construction if a metric is not known; at call if there is no spacing or
            shapes or values do not fit.
    """

    _known = CHALLENGE_METRICS
    _prefix = "challenge_"

    def _batch_rows(
        self, y_pred: Tensor, y: Tensor, spacings: Sequence[Sequence[float]]
    ) -> list[list[float]]:
        (pred,) = class_masks(y_pred, None, "y_pred")
        triples = zip(pred, class_indices(y, None, "y"), spacings, strict=True)
        samples = [wmh_challenge_metrics(*triple) for triple in triples]
        return [[sample[metric] for metric in self.metrics] for sample in samples]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _share_detected(lesions: Lesions) -> float:
    return float(lesions.detected.mean()) if lesions.detected.size else 1.0
