"""A data set written in another layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from medabl.data import Subject, check_subject, find_subjects
from medabl.data.described import described_task
from medabl.errors import InputError
from medabl.export.nnunet_data import subject_ids, write_nnunet
from medabl.export.wmh_data import write_wmh
from medabl.files import check_writable
from medabl.task import Task

Writer = Callable[[Sequence[Subject], Path, Sequence[str], Task], None]
LAYOUTS: dict[str, Writer] = {"nnunet": write_nnunet, "wmh": write_wmh}
"""Layouts that can be written."""


def convert_data(
    data: Path, layout: str, out: Path, modalities: Sequence[str] = ("flair", "t1")
) -> list[Subject]:
    """Write a data set, in whichever known layout it lies, in another one.

    Images and masks are written on each subject's canonical grid (right, anterior, superior), in
    float32 and uint8, so that all files of a subject are stored alike.

    Args:
        data: what `find_subjects` takes; masks may be missing.
        layout: "nnunet" (raw data of version 2) or "wmh" (the WMH challenge's folders).
        out: a folder that is not there yet or empty; for nnU-Net called ``Dataset101_Name``.
        modalities: names of the images, in channel order.

    Returns:
        the subjects, as they lay in `data`.

    Raises:
        InputError: if a file is bad, or `out` cannot be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; give a new folder, or an empty one.")
    task = described_task(data)
    subjects = find_subjects(data, modalities, labelled=False)
    ids = subject_ids(data)
    subjects = [replace(subject, id=ids.get(subject.id, subject.id)) for subject in subjects]
    for subject in subjects:
        check_subject(subject, task)
    check_writable(out)
    LAYOUTS[layout](subjects, out, modalities, task)
    return subjects
