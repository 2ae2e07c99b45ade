"""Looking at every file before hours are spent on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from medabl.data.nifti import Volume, check_same_grid, read_labels, read_nifti
from medabl.data.subject import Subject
from medabl.errors import InputError


def check_subjects(subjects: Sequence[Subject]) -> None:
    """Read all files of all subjects and check them, several at a time.

    A subject without any lesion is valid.

    Raises:
        InputError: naming the first bad file: unreadable, not on the grid of its fellows, with
            NaN, constant, or a mask with other labels than 0, 1 and 2.
    """
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(check_subject, subjects):
            pass


def check_subject(subject: Subject) -> None:
    """Check one subject's files, as `check_subjects`."""
    first, *others = [_read_image(path) for path in subject.images.values()]
    if subject.label is not None:
        others.append(read_labels(subject.label))
    for other in others:
        check_same_grid(first, other)


def _read_image(path: Path) -> Volume:
    volume = read_nifti(path)
    if volume.data.min() == volume.data.max():
        raise InputError(f"{path} has the same value in every voxel; it holds no image.")
    return volume
