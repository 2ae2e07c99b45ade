"""ADE20K of the scene parsing benchmark: ``images/training/*.jpg`` and ``annotations``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.picture_folders import SIDES, list_pictures, one_modality
from medabl.data.subject import Subject

NAME = "ADE20K"
IMAGES = "pictures"
LOOKS_FOR = "images/training/*.jpg with annotations beside images (ADE20K)"
MASKS = "annotations/training/*.png and annotations/validation/*.png"
MASKS_BY_NAME = False

_FOLDERS = ("training", "validation")


def recognizes(root: Path) -> bool:
    """Whether there is a folder ``images/training``."""
    return (root / "images" / "training").is_dir()


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every image of ``training`` and ``validation``."""
    modality = one_modality(root, modalities)
    subjects = []
    for side, folder in zip(SIDES, _FOLDERS, strict=True):
        for path in list_pictures(root / "images" / folder, ".jpg"):
            label = root / "annotations" / folder / f"{path.stem}.png"
            there = label if label.is_file() else None
            subjects.append(
                Subject(f"{folder}/{path.stem}", "", {modality: path}, there, side=side)
            )
    return subjects
