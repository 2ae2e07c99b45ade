"""Looking at every file before hours are spent on them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from medabl.data.axes import SLICE_AXES, SliceAxis, axes_with_slices_last
from medabl.data.labels import read_labels
from medabl.data.nifti import Volume, check_same_grid, read_nifti
from medabl.data.pictures import check_pictures
from medabl.data.subjects import Subject
from medabl.data.video import check_videos, is_video
from medabl.errors import InputError
from medabl.processors import processor_count
from medabl.task import WMH, Task

# Slices are this much thicker than their pixels where one can say that an axis is the thick one.
_THICK = 1.25


def check_subjects(
    subjects: Sequence[Subject], task: Task = WMH, slice_axis: SliceAxis = "axial"
) -> None:
    """Read all files of all subjects and check them, one volume at a time on each processor.

    A subject without any foreground is valid. Where another axis than the one slices are taken
    along has clearly the largest voxel size, one `UserWarning` names the subjects.

    Args:
        subjects: from `find_subjects`; their images may be pictures as well (Cityscapes, ADE20K),
                or folders of frames (DAVIS).
        task: which labels a mask may hold.
        slice_axis: plane of the slices that will be taken.

    Raises:
        InputError: if they are of another kind than the task's images; or naming the first bad
            file: unreadable, not on the grid of its fellows, with NaN, constant, or a mask with
            other labels than the task's.
    """
    kind = _kind(subjects)
    if task.images not in (None, kind):
        first = next(iter(subjects[0].images.values()))
        raise InputError(
            f"{first}: the data set holds {kind}, but the task {task.name} is one of {task.images};"
            " name another data set, or the config of another task."
        )
    if kind == "videos":
        check_videos(subjects)
        return
    if kind == "pictures":
        check_pictures(subjects, task)
        return
    last = axes_with_slices_last(slice_axis)[2]
    thick = []
    with ThreadPoolExecutor(processor_count()) as pool:
        grids = pool.map(partial(check_subject, task=task), subjects)
        for subject, grid in zip(subjects, grids, strict=True):
            if max(grid.spacing) > _THICK * grid.spacing[last]:
                thick.append((subject, grid))
    if thick:
        warnings.warn(_thick_axis(thick, slice_axis), stacklevel=2)


def _kind(subjects: Sequence[Subject]) -> str:
    if all(map(is_video, subjects)):
        return "videos"
    return "pictures" if all(subject.is_picture for subject in subjects) else "scans"


def check_subject(subject: Subject, task: Task = WMH) -> Volume:
    """Check one subject's scans, as `check_subjects`.

    Returns:
        their grid: a volume without data.
    """
    first, *others = [_image_grid(path) for path in subject.images.values()]
    if subject.label is not None:
        others.append(_grid(read_labels(subject.label, task)))
    for other in others:
        check_same_grid(first, other)
    return first


def _image_grid(path: Path) -> Volume:
    volume = read_nifti(path)
    if volume.data.min() == volume.data.max():
        raise InputError(f"{path} has the same value in every voxel; it holds no image.")
    return _grid(volume)


def _grid(volume: Volume) -> Volume:
    # The shape without the memory.
    return replace(volume, data=np.broadcast_to(np.uint8(0), volume.data.shape))


def _thick_axis(thick: Sequence[tuple[Subject, Volume]], slice_axis: str) -> str:
    subject, grid = thick[0]
    sizes = " x ".join(f"{size:.3g}" for size in grid.spacing)
    thickest = int(np.argmax(grid.spacing))
    better = next(name for name in SLICE_AXES if axes_with_slices_last(name)[2] == thickest)
    more = f" and {len(thick) - 1} more subject(s)" if len(thick) > 1 else ""
    return (
        f"{subject.id}{more}: voxels of {sizes} mm (right, anterior, superior) are thickest along"
        f" the {better} axis, but slice_axis is {slice_axis}; set slice_axis={better} if the scans"
        " were acquired that way."
    )
