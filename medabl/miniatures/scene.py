"""A picture of flat coloured shapes with its label of each pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from medabl.files import atomic_path

Mask = NDArray[np.bool_]
_GOLDEN = 0.6180339887


class Picture(NamedTuple):
    """A picture and its labels, with the names of their files below a data set's folder."""

    image_path: str
    image: NDArray[np.uint8]
    label_path: str
    labels: NDArray[np.uint8]


@dataclass
class Scene:
    """Shapes painted one over the other.

    Attributes:
        labels: H x W.
        colours: H x W x 3, from 0 to 255.
        rng: draws how an object's colour differs from that of its class.
    """

    labels: NDArray[np.uint8]
    colours: NDArray[np.float64]
    rng: np.random.Generator

    @classmethod
    def blank(cls, height: int, width: int, label: int, rng: np.random.Generator) -> Scene:
        """A scene of one class."""
        scene = cls(np.zeros((height, width), np.uint8), np.zeros((height, width, 3)), rng)
        scene.paint(np.ones((height, width), bool), label)
        return scene

    def paint(self, where: Mask, label: int) -> None:
        """Put an object of a class on top of what is there."""
        self.labels[where] = label
        self.colours[where] = class_colour(label) + self.rng.normal(0, 16, 3)

    def box(self, top: float, left: float, height: float, width: float) -> Mask:
        """A rectangle; sizes in pixels."""
        y, x = np.ogrid[: self.labels.shape[0], : self.labels.shape[1]]
        return (y >= top) & (y < top + height) & (x >= left) & (x < left + width)

    def disc(self, y0: float, x0: float, height: float, width: float) -> Mask:
        """An ellipse around a point; sizes in pixels."""
        y, x = np.ogrid[: self.labels.shape[0], : self.labels.shape[1]]
        return ((y - y0) / (height / 2)) ** 2 + ((x - x0) / (width / 2)) ** 2 <= 1

    def ring(self, y0: float, x0: float, size: float, thickness: float) -> Mask:
        """A circle's line."""
        inner = max(size - 2 * thickness, 0.5)
        return self.disc(y0, x0, size, size) & ~self.disc(y0, x0, inner, inner)

    def photograph(self) -> NDArray[np.uint8]:
        """The picture as a camera takes it: uneven light, soft edges, noise."""
        height, width = self.labels.shape
        slope = self.rng.normal(0, 20, 2)
        y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
        light = self.rng.normal(0, 12) + slope[0] * y + slope[1] * x
        soft = gaussian_filter(self.colours, (0.7, 0.7, 0)) + light[..., None]
        noisy = soft + self.rng.normal(0, 10, soft.shape)
        return noisy.clip(0, 255).round().astype(np.uint8)


def class_colour(label: int) -> NDArray[np.float64]:
    """The mean colour of a class: muted, so that neighbours in hue are easily confused."""
    hue = 2 * np.pi * ((label * _GOLDEN) % 1)
    brightness = 90 + 80 * ((label * _GOLDEN * 2.7) % 1)
    wheel = np.cos(hue + np.array([0, 2 * np.pi / 3, 4 * np.pi / 3]))
    return brightness + 45 * np.asarray(wheel)


def write_pictures(pictures: Iterable[Picture], folder: Path) -> None:
    """Write pictures and labels; files that are there already are kept."""
    for picture in pictures:
        pairs = ((picture.image_path, picture.image), (picture.label_path, picture.labels))
        for name, values in pairs:
            if not (folder / name).is_file():
                with atomic_path(folder / name) as temporary:
                    Image.fromarray(values).save(temporary)
