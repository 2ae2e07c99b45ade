"""Small generated videos in the layouts of DAVIS and YouTube-VOS."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from medabl.files import TEMPORARY, write_json, write_text
from medabl.miniatures.moving_shapes import draw_video
from medabl.palette import palette_image

_SIDES = {"train": range(16), "val": range(16, 20)}
_OTHERS = range(100, 108)  # videos that DAVIS's miniature has not
_FRAMES = 12
_SIZE = (64, 96)
_QUALITY = 95


def write_davis(root: Path, seed: int) -> None:
    """Write videos of moving shapes as DAVIS lies on disk; the lists of 2016 and 2017 are the same.

    Their shapes have thin limbs, hide each other and pass behind a pole.
    """
    for side, numbers in _SIDES.items():
        for number in numbers:
            name = _name(number)
            frames, masks = (root / top / "480p" / name for top in ("JPEGImages", "Annotations"))
            _write(frames, masks, _drawn(seed, number))
        lines = "".join(f"{_name(number)}\n" for number in numbers)
        for year in ("2016", "2017"):
            write_text(root / "ImageSets" / year / f"{side}.txt", lines)


def write_youtube_vos(root: Path, seed: int) -> None:
    """Write videos of moving shapes as YouTube-VOS's training set lies on disk.

    The numbers of their frames go up in fives, as there.
    """
    top = root / "train"
    told = {}
    for number in _OTHERS:
        name = _name(number)
        video = _drawn(seed, number)
        _write(top / "JPEGImages" / name, top / "Annotations" / name, video, step=5)
        objects = (int(i) for i in np.unique(video[1]) if i)
        told[name] = {"objects": {str(i): {"category": "shape"} for i in objects}}
    write_json(top / "meta.json", {"videos": told})


def _drawn(seed: int, number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    rng = np.random.default_rng([seed, number])
    return draw_video(rng, _FRAMES, _SIZE, objects=1 + number % 2)


def _write(
    frames: Path,
    masks: Path,
    video: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
    step: int = 1,
) -> None:
    names = [f"{step * index:05d}" for index in range(len(video[0]))]
    pictures = (Image.fromarray(picture) for picture in video[0])
    _write_folder(frames, [f"{name}.jpg" for name in names], pictures)
    _write_folder(masks, [f"{name}.png" for name in names], map(palette_image, video[1]))


def _write_folder(folder: Path, names: Sequence[str], images: Iterable[Image.Image]) -> None:
    """Write a folder of images, all of it or nothing; one that is there is kept."""
    if folder.is_dir():
        return
    temporary = folder.with_name(f"{TEMPORARY}{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, image in zip(names, images, strict=True):
        image.save(temporary / name, quality=_QUALITY, subsampling=0)
    temporary.rename(folder)


def _name(number: int) -> str:
    return f"shapes-{number:03d}"
