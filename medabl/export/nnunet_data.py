"""nnU-Net's raw data, version 2: ``imagesTr/CASE_0000.nii.gz`` and ``labelsTr/CASE.nii.gz``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from medabl.data import Subject
from medabl.errors import InputError
from medabl.export.grid import write_classes, write_image
from medabl.files import read_json, write_json
from medabl.task import Task

_IDS = "subject_ids"  # our own entry in dataset.json, which nnU-Net passes over


def write_nnunet(
    subjects: Sequence[Subject], out: Path, modalities: Sequence[str], task: Task
) -> None:
    """Write images, masks and ``dataset.json``; subjects without a mask become ``imagesTs``.

    The masks hold the classes from 0, as nnU-Net wants them: a label that is no class (the WMH
    challenge's "other pathology") is background. A case is called as its subject, with ``_`` for
    ``/``.

    Raises:
        InputError: if `out` is not called as nnU-Net wants it, two cases have the same name, or no
            subject has a mask.
    """
    if not re.fullmatch(r"Dataset\d{3}_[A-Za-z0-9_]+", out.name):
        raise InputError(
            f"{out} must be called like Dataset101_WMH, by which nnU-Net knows a data set."
        )
    cases = {subject.id.replace("/", "_"): subject for subject in subjects}
    if len(cases) < len(subjects):
        raise InputError(
            "Two subjects differ in '/' and '_' alone, which are the same in nnU-Net's names of"
            " cases; rename one."
        )
    labelled = sum(subject.label is not None for subject in subjects)
    if labelled == 0:
        raise InputError("No subject has a mask; nnU-Net's data set needs some to train on.")
    for case, subject in cases.items():
        images = "imagesTs" if subject.label is None else "imagesTr"
        for channel, modality in enumerate(modalities):
            write_image(subject, modality, out / images / f"{case}_{channel:04d}.nii.gz")
        write_classes(subject, task, out / "labelsTr" / f"{case}.nii.gz", labels=False)
    write_json(
        out / "dataset.json",
        {
            "channel_names": {str(c): modality for c, modality in enumerate(modalities)},
            "labels": {name: value for value, name in enumerate(task.classes)},
            "numTraining": labelled,
            "file_ending": ".nii.gz",
            _IDS: {case: subject.id for case, subject in cases.items()},
        },
    )


def subject_ids(root: Path) -> dict[str, str]:
    """The subject of each case, where `write_nnunet` wrote the data set."""
    description = root / "dataset.json"
    ids = read_json(description).get(_IDS, {}) if description.is_file() else {}
    return {str(case): str(subject) for case, subject in ids.items()}
