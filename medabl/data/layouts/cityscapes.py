"""Cityscapes: ``leftImg8bit/SIDE/CITY/*_leftImg8bit.png`` and ``gtFine``, of street scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.picture_folders import SIDES, list_pictures, one_modality
from medabl.data.subject import Subject

NAME = "Cityscapes"
IMAGES = "pictures"
LOOKS_FOR = "leftImg8bit/train/CITY/*_leftImg8bit.png with gtFine beside leftImg8bit (Cityscapes)"
MASKS = "gtFine/SIDE/CITY/*_gtFine_labelIds.png"
MASKS_BY_NAME = False

_IMAGES, _IMAGE, _LABEL = "leftImg8bit", "_leftImg8bit.png", "_gtFine_labelIds.png"


def recognizes(root: Path) -> bool:
    """Whether there is a folder ``leftImg8bit``."""
    return (root / _IMAGES).is_dir()


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every image of ``train`` and ``val``; ``test`` has no public labels."""
    modality = one_modality(root, modalities)
    subjects = []
    for side in SIDES:
        for path in list_pictures(root / _IMAGES / side, _IMAGE):
            city, name = path.parent.name, path.name.removesuffix(_IMAGE)
            label = root / "gtFine" / side / city / f"{name}{_LABEL}"
            there = label if label.is_file() else None
            subjects.append(
                Subject(f"{side}/{city}/{name}", city, {modality: path}, there, side=side)
            )
    return subjects
