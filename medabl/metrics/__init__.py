"""Metrics: the WMH challenge's, surfaces in mm, and the published slice-wise protocol.

For whole volumes of lesions: functions of arrays or tensors, and a MONAI metric for each. For label
maps with several classes: boundary F-score, mean IoU, pixel accuracy.
"""

from medabl.metrics.boundary_f import BoundaryFScoreMetric, boundary_f_scores
from medabl.metrics.classes import (
    MeanIoUMetric,
    PixelAccuracyMetric,
    class_counts,
    mean_iou,
    pixel_accuracy,
)
from medabl.metrics.lesions import lesion_table
from medabl.metrics.slices import SliceDiceMetric, SliceHausdorffRowsMetric, slice_metrics
from medabl.metrics.volume import VolumeMetric, volume_metrics
from medabl.metrics.wmh_challenge import WMHChallengeMetric, wmh_challenge_metrics

__all__ = [
    "BoundaryFScoreMetric",
    "MeanIoUMetric",
    "PixelAccuracyMetric",
    "SliceDiceMetric",
    "SliceHausdorffRowsMetric",
    "VolumeMetric",
    "WMHChallengeMetric",
    "boundary_f_scores",
    "class_counts",
    "lesion_table",
    "mean_iou",
    "pixel_accuracy",
    "slice_metrics",
    "volume_metrics",
    "wmh_challenge_metrics",
]
