"""Masks of objects as palette images: a pixel's value is the number of its object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from medabl.files import atomic_path


def palette_image(mask: npt.NDArray[np.uint8]) -> Image.Image:
    """Numbers of objects, H x W, as an image with the palette of PASCAL VOC and DAVIS."""
    image = Image.fromarray(mask)
    image.putpalette(_colours())
    return image


def write_mask(path: Path, mask: npt.NDArray[np.uint8]) -> None:
    """Write numbers of objects, H x W, as a PNG with that palette."""
    with atomic_path(path) as temporary:
        palette_image(mask).save(temporary)


def _colours() -> list[int]:
    """Red, green and blue of 256 numbers: a number's bits, three at a time, from their highest."""
    return [
        sum(((number >> (3 * place + channel)) & 1) << (7 - place) for place in range(3))
        for number in range(256)
        for channel in range(3)
    ]
