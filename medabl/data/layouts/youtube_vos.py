"""YouTube-VOS, its training set: ``train/JPEGImages/VIDEO/*.jpg``, ``train/Annotations``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.picture_folders import one_modality
from medabl.data.layouts.videos import video
from medabl.data.subject import Subject

NAME = "YouTube-VOS"
IMAGES = "videos"
LOOKS_FOR = "train/JPEGImages/ and train/Annotations/ (YouTube-VOS), or those of train/ itself"
MASKS = "Annotations/VIDEO/*.png"
MASKS_BY_NAME = False


def recognizes(root: Path) -> bool:
    """Whether there are frames and masks of videos, not in DAVIS's resolutions."""
    frames, masks = (_top(root) / name for name in ("JPEGImages", "Annotations"))
    if not (frames.is_dir() and masks.is_dir()) or (frames / "480p").is_dir():
        return False
    return any(path.is_dir() for path in frames.iterdir())


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every video of the training set, all of which train."""
    one_modality(root, modalities)
    top = _top(root)
    videos = sorted(path for path in (top / "JPEGImages").iterdir() if path.is_dir())
    return [video(path.name, path, top / "Annotations" / path.name, "train") for path in videos]


def _top(root: Path) -> Path:
    return next((top for top in (root / "train", root) if (top / "JPEGImages").is_dir()), root)
