"""The folded surface of the cerebrum.

Sulci are sheets of fluid: zero sets of random fields which hardly change along lines that leave a
core curve in each hemisphere, so that the sheets stand on the surface. Lines and surface are
warped, which makes them wind, lean and bend with depth. Deep sulci come from one field, shallow
ones between them from a second field of shorter wavelength; fissure between the hemispheres,
cingulate sulcus and lateral fissure have places of their own and are warped like the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from medabl.phantom.fields import (
    NoiseField,
    Points,
    segment,
    smooth_max,
    smooth_min,
    smooth_step,
)

# The curves the sulci point at: one through frontal, parietal, occipital and temporal lobe, and
# one through the deep nuclei behind the insula.
_CURVES = (
    (
        (22, 32, 8),
        (26, 4, 27),
        (28, -34, 29),
        (27, -68, 12),
        (42, -42, -8),
        (41, 0, -23),
    ),
    ((17, 18, 3), (17, -26, 5)),
)

Slope = Callable[[Points], Points]
"""From values at the points to the length of their gradient, per mm."""


@dataclass(frozen=True)
class Frame:
    """What the folds are laid on, at N points.

    Attributes:
        points: 3 x N positions in mm.
        mirror: the same with x made positive.
        hull: distance to the cerebrum's smooth outline.
        callosal: distance to the part that the fissure between the hemispheres does not enter.
        inner: distance to what the sulci keep away from.
        gap: half the width of a typical sulcus in mm.
    """

    points: Points
    mirror: Points
    hull: Points
    callosal: Points
    inner: Points
    gap: float


class Folds:
    """The random fields of one brain's folds."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._warp = [NoiseField(rng, 5.5) for _ in range(3)]
        self._deep = NoiseField(rng, 7.4, band=1.5, fine=3)
        self._shallow = NoiseField(rng, 5.2, band=1.5, fine=3)
        self._reach = NoiseField(rng, 11.0)
        self._width = NoiseField(rng, 7.0)

    def pia(self, frame: Frame, slope: Slope) -> Points:
        """Distance in mm from the outer surface, sulci included: negative in tissue."""
        gap = frame.gap
        width = gap * np.clip(1 + 0.35 * self._width(frame.points), 0.35, 2)
        depth = -frame.hull
        lean = 1.6 + 0.09 * np.clip(depth, 0, 20)
        shift = np.stack([warp(frame.points) * lean for warp in self._warp])
        fissure = _midline(frame, shift, width)
        lateral = _lateral(frame.mirror + shift, 0.5 + 1.3 * width)
        depth = np.minimum(depth, fissure)
        # Sulci gape at the surface, the more so the wider they are.
        open_width = width * (1 + 0.7 * smooth_step(depth, 8, 0))
        uneven = np.clip(self._reach(frame.points), -1.5, 1.5)

        foot = _feet(frame.points, frame.mirror + shift, depth)
        deep = _sheet(self._deep(foot), slope, 0.06)
        shallow = _sheet(self._shallow(foot), slope, 0.09)
        folded = np.minimum(depth, lateral + 10)
        inner = 1 - frame.inner
        medial = smooth_step(-frame.hull - fissure, 3, 12)
        bottom = np.maximum(folded - (18.5 + 4.5 * uneven) * (1 - 0.3 * medial), inner)
        sulci = smooth_max(deep - 0.9 * open_width, bottom, 3)
        # Shallow ones end before they reach the deep ones: gyri stay whole.
        reach = (10 - 3 * uneven) * (1 - 0.8 * medial) * smooth_step(deep, 2.5, 7)
        bottom = np.maximum(folded - reach, inner)
        sulci = smooth_min(sulci, smooth_max(shallow - 0.75 * open_width, bottom, 2.5), 2)
        sulci = smooth_min(sulci, _cingulate(frame, shift, fissure, width), 2)
        tissue = smooth_min(depth, sulci, 4)
        return -smooth_min(tissue, lateral, 2.5)


def _sheet(value: Points, slope: Slope, least: float) -> Points:
    """Distance in mm to the zero set of a field, whose slope per mm counts as `least` or more."""
    return np.abs(value) / np.maximum(slope(value), np.float32(least))


def _midline(frame: Frame, shift: Points, width: Points) -> Points:
    """Distance to the fissure between the hemispheres, which the falx does not keep straight."""
    side = np.abs(frame.points[0] + np.float32(0.45) * shift[0])
    outer = np.maximum(side - 0.75 * width, 0)
    below = np.minimum(frame.callosal, 0)
    return np.where(frame.callosal > 0, outer, np.sqrt(outer * outer + below * below))


def _cingulate(frame: Frame, shift: Points, fissure: Points, width: Points) -> Points:
    """Distance to the sulcus that runs around the corpus callosum on the medial side."""
    ring = np.abs(frame.callosal - 11 + shift[1] + shift[2])
    ends = smooth_max(-38 - frame.mirror[1], -8 - frame.mirror[2], 6)
    bottom = np.maximum(fissure - 10 - shift[0], np.maximum(ends, 2 - frame.inner))
    return smooth_max(ring - 0.8 * width, bottom, 3)


def _lateral(warped: Points, width: Points) -> Points:
    """Distance to the lateral fissure: the cleft over the temporal lobe, and over the insula."""
    x, y, z = warped
    height = -5 - 0.62 * (y + 2) + 0.12 * (x - 50)
    cleft = np.abs(z - height) * np.float32(0.9) - 0.45 * width
    # In front it reaches inwards, between the frontal lobe and the temporal pole.
    inwards = (x - 63) / (25 + 14 * smooth_step(y, 2, 15))
    along = (y + 8) / 35
    ends = (np.sqrt(inwards * inwards + along * along) - 1) * 25
    cleft = smooth_max(cleft, ends, 3)
    sheet = np.abs(x - (38.5 - np.float32(0.008) * (y + 2) * (y + 2))) - 0.7 * width
    across, up = (y + 2) / 24, (z + 1 + 0.5 * y) / 17
    patch = (np.sqrt(across * across + up * up) - 1) * 17
    return smooth_min(cleft, smooth_max(sheet, patch, 3), 4)


def _feet(points: Points, warped: Points, depth: Points) -> Points:
    """Where the line from the core curve through each point meets the surface, nearly."""
    nearest = np.zeros_like(warped)
    total = np.zeros(warped.shape[1], np.float32)
    for curve in _CURVES:
        for a, b in pairwise(curve):
            t, squared = segment(warped, a, b)
            weight = 1 / (squared * squared * squared + 1)
            total += weight
            for axis in range(3):
                along = np.float32(b[axis] - a[axis])
                nearest[axis] += weight * (np.float32(a[axis]) + t * along)
    nearest /= total
    offset = warped - nearest
    length = np.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
    # Not quite to the surface: sulci lean and bend with depth.
    foot = warped + offset * (np.float32(0.72) * depth / np.maximum(length, np.float32(1)))
    foot[0] *= np.sign(points[0])
    return foot
