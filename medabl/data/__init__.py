"""Subjects on disk, their splits, volumes and slices."""

from typing import TYPE_CHECKING, Any

from medabl.data.check import check_subject, check_subjects
from medabl.data.clips import ClipDataset, VideoDataset
from medabl.data.cohort import Cohort, load_cohort
from medabl.data.groups import describe_groups, groups_of
from medabl.data.pictures import LoadPictured, read_label_picture, read_picture
from medabl.data.seeded import EpochSampler, SeededDataset, epoch_seed
from medabl.data.slices import SliceDataset
from medabl.data.split import Split, split_subjects
from medabl.data.subject import Subject
from medabl.data.subjects import find_subjects
from medabl.data.suitable import check_suitable
from medabl.data.video import further_videos, masked_frames, read_video
from medabl.data.volumes import LoadVolumed, cached_volumes, foreground, subject_item
from medabl.data.write import write_like

if TYPE_CHECKING:
    from medabl.phantom import write_phantom_cohort

__all__ = [
    "ClipDataset",
    "Cohort",
    "EpochSampler",
    "LoadPictured",
    "LoadVolumed",
    "SeededDataset",
    "SliceDataset",
    "Split",
    "Subject",
    "VideoDataset",
    "cached_volumes",
    "check_subject",
    "check_subjects",
    "check_suitable",
    "describe_groups",
    "epoch_seed",
    "find_subjects",
    "foreground",
    "further_videos",
    "groups_of",
    "load_cohort",
    "masked_frames",
    "read_label_picture",
    "read_picture",
    "read_video",
    "split_subjects",
    "subject_item",
    "write_like",
    "write_phantom_cohort",
]


def __getattr__(name: str) -> Any:
    # The phantom lives in a room of its own, loaded when it is asked for here.
    if name == "write_phantom_cohort":
        from medabl.phantom import write_phantom_cohort

        return write_phantom_cohort
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
