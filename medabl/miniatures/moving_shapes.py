"""Scenes of moving shapes: bodies with thin limbs, which hide each other and pass behind poles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

_FINER = 4  # drawn so many times larger, then averaged
_CORNERS = 32
_LIMB = 0.035  # width of a limb, in heights of the picture
_NOISE = 5.0


@dataclass(frozen=True)
class _Shape:
    """A body with limbs, in a frame of its own; lengths in heights of the picture."""

    outline: npt.NDArray[np.float64]
    limbs: npt.NDArray[np.float64]
    colour: tuple[int, ...]
    start: npt.NDArray[np.float64]
    velocity: npt.NDArray[np.float64]
    sway: npt.NDArray[np.float64]
    angle: float
    turn: float

    def placed(self, points: npt.NDArray[np.float64], time: float) -> npt.NDArray[np.float64]:
        """Points of it, N x 2, where they are at a time from 0 to 1."""
        angle = self.angle + self.turn * time
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = self.start + self.velocity * time + self.sway * np.sin(2 * np.pi * time)
        return points @ rotation.T * (1 + 0.2 * np.sin(np.pi * time)) + centre


def draw_video(
    rng: np.random.Generator, frames: int, size: tuple[int, int], objects: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A video and its masks.

    Args:
        rng: what it is drawn from.
        frames: how many.
        size: height and width in pixels.
        objects: how many shapes; later ones lie over earlier ones, a pole over all.

    Returns:
        frames x height x width x 3 colours, and frames x height x width numbers of objects.
    """
    height, width = size
    shapes = [_shape(rng, width / height, number, objects) for number in range(objects)]
    background = _background(rng, size)
    pole = rng.uniform(0.3, 0.7) * width / height
    pole_colour = _colour(rng, 40, 90)
    pictures, masks = [], []
    for time in np.linspace(0, 1, frames):
        covers = [_cover(shape, time, size) for shape in shapes] + [_pole(pole, size)]
        colours = [shape.colour for shape in shapes] + [pole_colour]
        picture, mask = background, np.zeros(size, np.uint8)
        numbers = [*range(1, objects + 1), 0]
        for cover, colour, number in zip(covers, colours, numbers, strict=True):
            picture = picture + cover[..., None] * (np.array(colour) - picture)
            mask = np.where(cover > 0.5, number, mask).astype(np.uint8)
        noisy = picture + rng.normal(0, _NOISE, picture.shape)
        pictures.append(noisy.round().clip(0, 255).astype(np.uint8))
        masks.append(mask)
    return np.stack(pictures), np.stack(masks)


def _shape(rng: np.random.Generator, aspect: float, number: int, objects: int) -> _Shape:
    around = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    bumps = 1 + rng.uniform(0.1, 0.3) * np.cos(rng.integers(2, 5) * around + rng.uniform(0, 6))
    radius = rng.uniform(0.13, 0.2)
    turned = rng.uniform(0, 2 * np.pi) + np.arange(rng.integers(2, 5)) * 1.3
    side = rng.choice([-1.0, 1.0])
    along = (number + rng.uniform(0.3, 0.7)) / objects
    return _Shape(
        outline=radius * bumps[:, None] * np.stack([np.cos(around), np.sin(around)], axis=1),
        limbs=2.1 * radius * np.stack([np.cos(turned), np.sin(turned)], axis=1),
        colour=_colour(rng, 120, 255, number),
        start=np.array([aspect * (0.5 - side * rng.uniform(0.1, 0.25)), 0.15 + 0.7 * along]),
        velocity=np.array([side * aspect * rng.uniform(0.2, 0.45), rng.uniform(-0.1, 0.1)]),
        sway=rng.uniform(-0.08, 0.08, 2),
        angle=rng.uniform(0, 2 * np.pi),
        turn=rng.uniform(-1.5, 1.5),
    )


def _colour(
    rng: np.random.Generator, low: int, high: int, bright: int | None = None
) -> tuple[int, ...]:
    colour = rng.integers(low, high, 3)
    if bright is not None:  # neighbours differ in hue
        colour[(bright + rng.integers(2)) % 3] = 30
    return tuple(int(c) for c in colour)


def _background(rng: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    coarse = rng.integers(60, 170, (4, 6, 1)) + rng.integers(-25, 25, (4, 6, 3))
    picture = Image.fromarray(coarse.astype(np.uint8))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BICUBIC), np.float64)


def _cover(shape: _Shape, time: float, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The share of each pixel that a shape covers."""
    canvas, scale = _canvas(size)
    draw = ImageDraw.Draw(canvas)
    corners = scale * shape.placed(shape.outline, time)
    draw.polygon([tuple(point) for point in corners], fill=255)
    (centre,) = scale * shape.placed(np.zeros((1, 2)), time)
    for end in scale * shape.placed(shape.limbs, time):
        draw.line([tuple(centre), tuple(end)], fill=255, width=round(_LIMB * scale))
    return _reduced(canvas)


def _pole(x: float, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    canvas, scale = _canvas(size)
    left = scale * x
    ImageDraw.Draw(canvas).rectangle([left, 0, left + 0.06 * scale, canvas.height], fill=255)
    return _reduced(canvas)


def _canvas(size: tuple[int, int]) -> tuple[Image.Image, float]:
    height, width = size
    return Image.new("L", (_FINER * width, _FINER * height)), float(_FINER * height)


def _reduced(canvas: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(canvas.reduce(_FINER), np.float64) / 255
