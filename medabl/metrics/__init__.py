"""Metrics: the WMH challenge's, surfaces in mm, and the published slice-wise protocol.

For masks of one class: functions of arrays or tensors, and a MONAI metric for each. For label maps
with several classes: Dice, IoU, pixel accuracy, boundary F-score. For video objects: J and F.
"""

from medabl.metrics.boundary_f import BoundaryFScoreMetric, boundary_f_scores, class_boundary_f
from medabl.metrics.classes import (
    MeanIoUMetric,
    PixelAccuracyMetric,
    class_counts,
    class_iou,
    mean_iou,
    pixel_accuracy,
)
from medabl.metrics.davis import davis_metrics, davis_statistics, region_similarity
from medabl.metrics.dice import VolumeDiceMetric
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
    "VolumeDiceMetric",
    "VolumeMetric",
    "WMHChallengeMetric",
    "boundary_f_scores",
    "class_boundary_f",
    "class_counts",
    "class_iou",
    "davis_metrics",
    "davis_statistics",
    "lesion_table",
    "mean_iou",
    "pixel_accuracy",
    "region_similarity",
    "slice_metrics",
    "volume_metrics",
    "wmh_challenge_metrics",
]
