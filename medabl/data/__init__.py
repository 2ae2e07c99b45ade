"""Subjects on disk, their splits, volumes and slices."""

from medabl.data.check import check_subject, check_subjects
from medabl.data.phantom import write_phantom_cohort
from medabl.data.slices import SliceDataset
from medabl.data.split import Split, split_subjects
from medabl.data.subjects import Subject, find_subjects
from medabl.data.volumes import LoadVolumed, above_noise, cached_volumes, subject_item
from medabl.data.write import write_like

__all__ = [
    "LoadVolumed",
    "SliceDataset",
    "Split",
    "Subject",
    "above_noise",
    "cached_volumes",
    "check_subject",
    "check_subjects",
    "find_subjects",
    "split_subjects",
    "subject_item",
    "write_like",
    "write_phantom_cohort",
]
