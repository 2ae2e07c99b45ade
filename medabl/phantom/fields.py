"""Scalar fields on scattered points: smooth noise, soft shapes, coverage.

Everything here keeps to additions, products, divisions and square roots, or rounds what a
mathematical library returned, so that a seed gives the same phantom whatever vector instructions a
processor has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Points = NDArray[np.floating]
"""3 x N float32 positions in mm, or N float32 values at such positions."""

BOX_LOW = (-78.0, -112.0, -72.0)
"""Lower corner in mm of the box a brain is built in."""

BOX_HIGH = (78.0, 78.0, 86.0)
"""Its upper corner."""


def gaussian_smooth(volume: Points, sigma: float) -> Points:
    """Gaussian smoothing of a float32 volume with `sigma` in voxels, edges reflected."""
    radius = max(1, math.ceil(3.5 * sigma))
    weights = np.array([math.exp(-0.5 * (i / sigma) ** 2) for i in range(-radius, radius + 1)])
    weights = np.round(weights / math.fsum(weights), 9)
    for axis in range(volume.ndim):
        volume = ndimage.correlate1d(volume, weights, axis=axis, mode="reflect")
    return volume


class NoiseField:
    """A smooth random field over the box, with mean 0 and standard deviation 1.

    Args:
        rng: where the randomness comes from.
        scale: standard deviation in mm of the Gaussian which smooths the white noise.
        band: take away the part smoothed `band` times as wide, which leaves stripes and folds of
            one width rather than blobs of all sizes.
        fine: grid points per `scale`; values between them are interpolated linearly.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        scale: float,
        band: float | None = None,
        fine: int = 2,
    ) -> None:
        self.step = scale / fine
        self.low = np.asarray(BOX_LOW, np.float32) - 2 * self.step
        extent = np.asarray(BOX_HIGH, np.float32) - self.low + 2 * self.step
        shape = tuple(math.ceil(float(e) / self.step) + 1 for e in extent)
        white = rng.standard_normal(shape, dtype=np.float32)
        values = gaussian_smooth(white, fine)
        if band is not None:
            values = values - gaussian_smooth(white, fine * band)
        some = values[::2, ::2, ::2].astype(np.float64)
        self.values = values / np.float32(round(float(np.std(some)), 6))

    def __call__(self, points: Points) -> Points:
        """Values at 3 x N points in mm, N float32."""
        index = (points - self.low[:, None]) / np.float32(self.step)
        return ndimage.map_coordinates(self.values, index, order=1, mode="nearest")


def smooth_min(a: Points, b: Points, width: float) -> Points:
    """Minimum of two distances, rounded off where they differ by less than `width`."""
    h = np.maximum(np.float32(width) - np.abs(a - b), 0) / np.float32(width)
    return np.minimum(a, b) - h * h * np.float32(width / 4)


def smooth_max(a: Points, b: Points, width: float) -> Points:
    """Maximum of two distances, rounded off where they differ by less than `width`."""
    return -smooth_min(-a, -b, width)


def smooth_step(value: Points, low: float | Points, high: float | Points) -> Points:
    """0 below `low`, 1 above `high` and a smooth cubic in between (`high` may be the smaller)."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ellipsoid(points: Points, centre: tuple[float, ...], radii: tuple[float, ...]) -> Points:
    """Approximate signed distance in mm to an ellipsoid with axes x, y, z: negative inside."""
    once = np.zeros(points.shape[1], np.float32)
    twice = np.zeros(points.shape[1], np.float32)
    for axis in range(3):
        scaled = (points[axis] - np.float32(centre[axis])) / np.float32(radii[axis])
        once += scaled * scaled
        scaled /= np.float32(radii[axis])
        twice += scaled * scaled
    once = np.sqrt(once)
    return once * (once - 1) / np.maximum(np.sqrt(twice), np.float32(1e-6))


def segment(
    points: Points,
    a: tuple[float, ...],
    b: tuple[float, ...],
    squash: tuple[float, ...] = (1, 1, 1),
) -> tuple[Points, Points]:
    """Nearest position on the segment from `a` (0) to `b` (1), and its squared distance."""
    along = [b[k] - a[k] for k in range(3)]
    length = sum(c * c for c in along)
    t = np.zeros(points.shape[1], np.float32)
    for axis in range(3):
        t += (points[axis] - np.float32(a[axis])) * np.float32(along[axis] / length)
    t = np.clip(t, 0, 1)
    squared = np.zeros(points.shape[1], np.float32)
    for axis in range(3):
        offset = points[axis] - np.float32(a[axis]) - t * np.float32(along[axis])
        offset *= np.float32(squash[axis])
        squared += offset * offset
    return t, squared


def tube(
    points: Points,
    path: Sequence[tuple[float, ...]],
    radii: Sequence[float],
    squash: tuple[float, ...] = (1, 1, 1),
    blend: float = 3.0,
) -> Points:
    """Approximate signed distance in mm to a bent tube whose radius changes along its path.

    Args:
        points: 3 x N positions in mm.
        path: corners of the path in mm.
        radii: radius in mm at each corner.
        squash: factors on the distances along x, y, z: 2 makes the tube half as wide that way.
        blend: width in mm over which the pieces melt into each other.
    """
    result = np.full(points.shape[1], 1e3, np.float32)
    for a, b, ra, rb in zip(path[:-1], path[1:], radii[:-1], radii[1:], strict=True):
        t, squared = segment(points, a, b, squash)
        distance = np.sqrt(squared) - (np.float32(ra) + t * np.float32(rb - ra))
        result = smooth_min(result, distance, blend)
    return result


def coverage(signed_distance: Points, step: float) -> Points:
    """Part of a voxel of edge `step` mm inside a surface (negative distance = inside): 0 to 1."""
    return np.clip(np.float32(0.5) - signed_distance / np.float32(step), 0, 1)
