"""A brain built from smooth shapes: folded cortex, white matter, ventricles, deep grey nuclei.

Positions are in mm, x to the right, y to the front, z up, with the origin at the anterior
commissure, as atlases have it. Distances are positive outside of a structure. `cortex` folds the
surface; cortex is what lies within its thickness of fluid.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medabl.phantom import deep, outline
from medabl.phantom.cerebellum import fold_cerebellum
from medabl.phantom.cortex import Folds, Frame
from medabl.phantom.fields import (
    BOX_HIGH,
    BOX_LOW,
    NoiseField,
    Points,
    coverage,
    ellipsoid,
    gaussian_smooth,
    smooth_min,
    smooth_step,
    tube,
)
from medabl.phantom.person import Person

# White matter that sulci never enter, as tubes: their paths and radii in mm.
_STALKS = (
    (((22, 32, 9), (26, 4, 27), (28, -34, 29), (27, -66, 12)), (5, 9, 9, 4)),
    (((38, -46, -4), (41, -12, -19), (38, 10, -24)), (5, 5, 3.5)),
)


class Brain:
    """The structures of one person, as distances at the points of a regular grid near the brain.

    Attributes:
        step: edge of the grid in mm.
        shape: points of the whole grid along x, y, z.
        inside: flat indices of the grid points that are kept: those in or near the brain.
        points: 3 x N positions of these in the atlas frame, mm.
    """

    def __init__(self, rng: np.random.Generator, person: Person, step: float) -> None:
        self.step = step
        self.person = person
        axes = [
            np.arange(low, high, step, dtype=np.float32)
            for low, high in zip(BOX_LOW, BOX_HIGH, strict=True)
        ]
        self.shape = (len(axes[0]), len(axes[1]), len(axes[2]))
        # Every third point tells which neighbourhoods hold brain; only those are kept.
        coarse = np.stack(np.meshgrid(*[a[1::3] for a in axes], indexing="ij"))
        coarse_points = person.to_atlas(coarse.reshape(3, -1))
        near = outline.scalped(_mirrored(coarse_points)) < 4 + 3 * step
        kept = near.reshape(coarse.shape[1:])
        for axis, count in enumerate(self.shape):
            kept = np.take(kept, np.minimum(np.arange(count) // 3, kept.shape[axis] - 1), axis)
        index = np.nonzero(kept)
        self.inside = np.ravel_multi_index(index, self.shape)
        points = person.to_atlas(np.stack([a[i] for a, i in zip(axes, index, strict=True)]))
        warps = [NoiseField(rng, 22.0) for _ in range(3)]
        shifts = [2.2 * warp(points) for warp in warps]
        for axis in range(3):
            points[axis] += shifts[axis]
        self.points = points
        self._mirror = _mirrored(points)
        self.surface_noise = NoiseField(rng, 9.0)(points)
        self._folds = Folds(rng)
        self._bend = NoiseField(rng, 4.0)

    def volume(self, values: Points, fill: float = 0) -> Points:
        """Values at the kept points as a volume over the whole grid."""
        result = np.full(self.shape, fill, np.float32)
        result.reshape(-1)[self.inside] = values
        return result

    @cached_property
    def cerebrum(self) -> Points:
        """Distance to the outline of the hemispheres, sulci left out."""
        return outline.cerebrum(self._mirror) + 0.8 * self.surface_noise

    @cached_property
    def mask(self) -> Points:
        """Part of each voxel inside the skull-stripped brain, with a rim of fluid."""
        hull = outline.scalped(self._mirror) - 1.1 + 0.5 * self.surface_noise
        return coverage(np.maximum(hull, -68 - self.points[2]), self.step)

    @cached_property
    def core(self) -> Points:
        """Distance to the part the fissure between the hemispheres does not enter."""
        return outline.callosal(self.points)

    @cached_property
    def pia(self) -> Points:
        """Distance from the cerebrum's outer surface, sulci included: negative in tissue."""
        inner = np.minimum(self.lateral_ventricles, self._nuclei) - 5
        for path, radii in _STALKS:
            inner = np.minimum(inner, tube(self._mirror, path, radii))
        frame = Frame(
            points=self.points,
            mirror=self._mirror,
            hull=self.cerebrum,
            callosal=self.core,
            inner=inner,
            gap=0.5 + 1.1 * self.person.atrophy,
        )
        return self._folds.pia(frame, self._slope)

    @cached_property
    def _nuclei(self) -> Points:
        """Distance to the region of the deep nuclei, which is never folded."""
        return ellipsoid(self._mirror, (0, -8, 7), (34, 36, 17.5))

    def _slope(self, values: Points) -> Points:
        """Length of the gradient per mm of values at the kept points."""
        volume = self.volume(values)
        squared = np.zeros(len(values), np.float32)
        for axis in range(3):
            change = np.gradient(volume, np.float32(self.step), axis=axis).reshape(-1)[self.inside]
            squared += change * change
        # Evened out: where two folds meet, the slope is 0 on a line, and distances would burst.
        return gaussian_smooth(self.volume(np.sqrt(squared)), 1.0 / self.step).reshape(-1)[
            self.inside
        ]

    @cached_property
    def lateral_ventricles(self) -> Points:
        """Distance to the lateral ventricles."""
        distance = deep.lateral_ventricles(self._mirror, self.person.ventricles)
        return distance + 0.35 * self.surface_noise

    @cached_property
    def ventricles(self) -> Points:
        """Distance to all ventricles."""
        midline = deep.midline_ventricles(self._mirror, self.person.ventricles)
        return np.minimum(self.lateral_ventricles, midline)

    @cached_property
    def choroid(self) -> Points:
        """Distance to the choroid plexus in the atria."""
        return deep.choroid_plexus(self._mirror) + 0.5 * self.surface_noise

    @cached_property
    def deep_grey(self) -> dict[str, Points]:
        """Distance to each of the nuclei."""
        return deep.nuclei(self._mirror, self.person.ventricles)

    @cached_property
    def tissue(self) -> dict[str, NDArray[np.float32]]:
        """Cover of each voxel by structures, to be painted in this order over fluid."""
        h = self.step
        pia = self.pia
        cover: dict[str, Points] = {}
        central = np.maximum(self._nuclei, self.cerebrum)
        whole = smooth_min(pia, central, 2)
        cover["grey"] = coverage(whole, h)
        thick = self.person.cortex_mm + 0.25 * self.surface_noise
        self.white_depth = -np.minimum(whole + thick, central + 1)
        cover["white"] = coverage(-self.white_depth, h)
        cover["stem"] = coverage(outline.stem(self._mirror) + 0.5, h)
        # The tentorium keeps cerebellum and cerebrum apart.
        below = np.maximum(outline.cerebellum(self._mirror) + 0.8, 1.2 - self.cerebrum)
        cover["cerebellum"] = coverage(below, h)
        cerebellum = fold_cerebellum(
            self._mirror, below, self.surface_noise, self._bend(self.points)
        )
        cover["arbor"] = coverage(np.maximum(cerebellum.white, below), 2 * h)
        cover["folia"] = cerebellum.fluid
        for name, distance in self.deep_grey.items():
            cover[name] = coverage(distance + 0.4 * self.surface_noise, 2 * h)
        cover["ventricles"] = coverage(self.ventricles, h)
        cover["choroid"] = coverage(self.choroid, h)
        return cover

    @cached_property
    def white(self) -> Points:
        """White matter of the hemispheres, where lesions may be: 0 to 1."""
        cover = self.tissue
        free = cover["white"] * (1 - cover["ventricles"])
        for name in ("caudate", "putamen", "pallidum", "thalamus"):
            free = free * (1 - cover[name])
        return free * smooth_step(self.cerebrum, 0, -3) * smooth_step(self.points[2], -32, -22)


def _mirrored(points: Points) -> Points:
    """Positions with x made positive."""
    return np.stack([np.abs(points[0]), points[1], points[2]])
