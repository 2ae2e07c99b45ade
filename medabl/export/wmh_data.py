"""The WMH challenge's folders: ``pre/FLAIR.nii.gz`` and ``wmh.nii.gz``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medabl.data import Subject
from medabl.export.grid import write_classes, write_image
from medabl.task import Task


def write_wmh(
    subjects: Sequence[Subject], out: Path, modalities: Sequence[str], task: Task
) -> None:
    """Write the subjects' folders below `out`, with the labels as they are."""
    for subject in subjects:
        folder = out / subject.relative_path
        for modality in modalities:
            write_image(subject, modality, folder / "pre" / f"{modality.upper()}.nii.gz")
        write_classes(subject, task, folder / "wmh.nii.gz", labels=True)
