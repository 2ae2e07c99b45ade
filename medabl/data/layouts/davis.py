"""DAVIS 2016 and 2017: ``JPEGImages/480p/SEQ/*.jpg``, ``Annotations/480p/SEQ/*.png``, lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.picture_folders import SIDES, one_modality
from medabl.data.layouts.videos import video
from medabl.data.subject import Subject
from medabl.errors import InputError

NAME = "DAVIS"
IMAGES = "videos"
LOOKS_FOR = "JPEGImages/480p/ and ImageSets/2016/ or ImageSets/2017/ with train.txt (DAVIS)"
MASKS = "Annotations/480p/SEQUENCE/*.png"
MASKS_BY_NAME = False

_YEARS = ("2016", "2017")


def recognizes(root: Path) -> bool:
    """Whether there are lists of sequences for a year, in ``ImageSets`` or in `root` itself."""
    return _lists(root) is not None


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every sequence of the lists, with the side of the split it stands on.

    The root is DAVIS's own folder, whose list of 2016 is taken where it has both, or the list's,
    ``ImageSets/2017``.
    """
    one_modality(root, modalities)
    lists = _lists(root)
    assert lists is not None
    top = lists.parents[1]
    frames, masks = (top / name / "480p" for name in ("JPEGImages", "Annotations"))
    found = []
    for side in SIDES:
        path = lists / f"{side}.txt"
        if not path.is_file():
            raise InputError(f"{lists} has no {side}.txt, which lists sequences; add it.")
        for name in path.read_text(encoding="utf-8").split():
            if not (frames / name).is_dir():
                raise InputError(f"{path} lists {name}, but {frames} has no such folder; add it.")
            found.append(video(name, frames / name, masks / name, side))
    return found


def _lists(root: Path) -> Path | None:
    folders = [*(root / "ImageSets" / year for year in _YEARS), root.absolute()]
    return next(
        (
            folder
            for folder in folders
            if folder.name in _YEARS
            and (folder / "train.txt").is_file()
            and (folder.parents[1] / "JPEGImages" / "480p").is_dir()
        ),
        None,
    )
