"""nnU-Net's raw data: ``imagesTr/CASE_0000.nii.gz`` by channel, ``labelsTr/CASE.nii.gz``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.description import channels_of, read_description
from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import NIFTI_SUFFIXES, read_json, walk

NAME = "nnU-Net"
IMAGES = "scans"
LOOKS_FOR = "imagesTr/CASE_0000.nii.gz, labelsTr/ and a dataset.json with channel_names (nnU-Net)"
MASKS = "labelsTr/CASE.nii.gz"
MASKS_BY_NAME = False


def recognizes(root: Path) -> bool:
    """Whether there is ``imagesTr`` and a ``dataset.json`` that does not list the files in it.

    Version 1 lists them, but without the ``_0000`` of the file's name.
    """
    try:
        listed = read_json(root / "dataset.json").get("training")
        image = listed[0]["image"] if listed else ""
        named = not isinstance(image, str) or (root / image).is_file()
        return (root / "imagesTr").is_dir() and not named
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every case of ``imagesTr``."""
    description = read_description(root)
    *channels, _ = channels_of(root, description, modalities)
    ending = description.get("file_ending", ".nii.gz")
    if ending not in NIFTI_SUFFIXES:
        raise InputError(
            f"{root / 'dataset.json'} says file_ending {ending!r}; medabl reads .nii.gz and .nii,"
            " convert the files."
        )
    cases: dict[str, dict[int, Path]] = defaultdict(dict)
    for file in _files(root / "imagesTr", ending):
        case, _, channel = file.name.removesuffix(ending).rpartition("_")
        if case and len(channel) == 4 and channel.isdigit():
            cases[case][int(channel)] = file
    labels = {file.name.removesuffix(ending): file for file in _files(root / "labelsTr", ending)}
    subjects = []
    for case, files in cases.items():
        lacking = [channel for channel in channels if channel not in files]
        if lacking:
            raise InputError(
                f"{root / 'imagesTr'} has no {case}_{lacking[0]:04d}{ending}, which dataset.json"
                f" calls for; add it, or take the other files of {case} out."
            )
        images = {m: files[c] for m, c in zip(modalities, channels, strict=True)}
        subjects.append(Subject(case, "", images, labels.get(case)))
    return subjects


def _files(folder: Path, ending: str) -> list[Path]:
    if not folder.is_dir():
        return []
    base, names = next(walk(folder))
    return [base / name for name in names if name.endswith(ending)]
