"""Metrics: the WMH challenge's, surfaces in mm, and the published slice-wise protocol."""

from medabl.metrics.lesions import lesion_table
from medabl.metrics.slices import SliceDiceMetric, SliceHausdorffRowsMetric, slice_metrics
from medabl.metrics.volume import volume_metrics
from medabl.metrics.wmh_challenge import wmh_challenge_metrics

__all__ = [
    "SliceDiceMetric",
    "SliceHausdorffRowsMetric",
    "lesion_table",
    "slice_metrics",
    "volume_metrics",
    "wmh_challenge_metrics",
]
