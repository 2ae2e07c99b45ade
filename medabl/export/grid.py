"""All files of a subject on one grid, however each of them is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from medabl.data import Subject
from medabl.data.labels import read_labels
from medabl.data.nifti import read_nifti
from medabl.files import atomic_path
from medabl.task import Task


def write_image(subject: Subject, modality: str, path: Path) -> None:
    """Write an image in float32, in canonical orientation, with the affine of the first one."""
    _save(read_nifti(subject.images[modality]).data.astype(np.float32), subject, path)


def write_classes(subject: Subject, task: Task, path: Path, labels: bool) -> None:
    """Write the mask in uint8 on the grid of the images; a subject without a mask has none.

    Args:
        subject: whose mask.
        task: what its values stand for.
        path: ``.nii.gz``.
        labels: write the task's labels as they are, else the classes from 0.
    """
    if subject.label is None:
        return
    values = read_labels(subject.label, task).data
    _save(values if labels else task.to_classes(values), subject, path)


def _save(values: npt.NDArray[Any], subject: Subject, path: Path) -> None:
    first = read_nifti(next(iter(subject.images.values())))
    image = nib.Nifti1Image(values, first.affine)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        nib.save(image, temporary)
