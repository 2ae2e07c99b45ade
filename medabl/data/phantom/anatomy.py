"""A brain built from smooth shapes: folded cortex, white matter, ventricles, deep grey nuclei.

Positions are in mm, x to the right, y to the front, z up, with the origin at the anterior
commissure, as atlases have it. Distances are positive outside of a structure. `cortex` folds the
surface; cortex is what lies within its thickness of fluid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medabl.data.phantom import outline
from medabl.data.phantom.cerebellum import fold_cerebellum
from medabl.data.phantom.cortex import Folds, Frame
from medabl.data.phantom.fields import (
    BOX_HIGH,
    BOX_LOW,
    NoiseField,
    Points,
    coverage,
    ellipsoid,
    gaussian_smooth,
    smooth_max,
    smooth_min,
    smooth_step,
    tube,
)

# White matter that sulci never enter, as tubes: their paths and radii in mm.
_STALKS = (
    (((22, 32, 9), (26, 4, 27), (28, -34, 29), (27, -66, 12)), (5, 9, 9, 4)),
    (((38, -46, -4), (41, -12, -19), (38, 10, -24)), (5, 5, 3.5)),
)


@dataclass(frozen=True)
class Person:
    """What differs from one brain to the next.

    Attributes:
        size: factors along x, y, z.
        angles: small rotations of the head in radians about x, y, z.
        atrophy: 0 (full brain) to 1 (wide sulci).
        ventricles: factor on the ventricles' radii.
        cortex_mm: thickness of the cortex.
    """

    size: tuple[float, float, float]
    angles: tuple[float, float, float]
    atrophy: float
    ventricles: float
    cortex_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Person:
        """A random person; `age` in 0 to 1 widens sulci and ventricles."""
        draw = rng.uniform(-1, 1, 8)
        return cls(
            size=(1 + 0.03 * draw[0], 1 + 0.04 * draw[1], 1 + 0.03 * draw[2]),
            angles=(0.06 * draw[3], 0.03 * draw[4], 0.05 * draw[5]),
            atrophy=float(np.clip(0.15 + 0.6 * age + 0.2 * draw[6], 0, 1)),
            ventricles=0.85 + 0.6 * age + 0.25 * float(draw[7]),
            cortex_mm=2.7 - 0.4 * age,
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
        coarse_points = _turn(coarse.reshape(3, -1), person)
        near = outline.scalped(_mirrored(coarse_points)) < 4 + 3 * step
        kept = near.reshape(coarse.shape[1:])
        for axis, count in enumerate(self.shape):
            kept = np.take(kept, np.minimum(np.arange(count) // 3, kept.shape[axis] - 1), axis)
        index = np.nonzero(kept)
        self.inside = np.ravel_multi_index(index, self.shape)
        points = _turn(np.stack([a[i] for a, i in zip(axes, index, strict=True)]), person)
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
        f = self.person.ventricles
        m = self._mirror
        shift = 2.0 * (f - 1)
        horn = tube(
            m,
            (
                (13 + shift, 33, 2),
                (7 + shift, 22, 8),
                (7 + shift, 2, 17),
                (12 + shift, -22, 22),
                (24 + shift, -38, 14),
            ),
            (2.2 * f, 4.2 * f, 4.6 * f, 5.0 * f, 6.4 * f),
            (1.25, 1, 0.95),
        )
        back = tube(
            m,
            ((24 + shift, -38, 13), (26 + shift, -52, 8), (24 + shift, -70, 5)),
            (6.4 * f, 4.0 * f, 1.0 * f),
            (1.2, 1, 0.8),
        )
        low = tube(
            m,
            ((25 + shift, -38, 10), (35, -32, -6), (36, -20, -15), (34, -9, -19)),
            (5.0 * f, 2.8 * f, 2.2 * f, 2.0 * f),
        )
        ventricle = smooth_min(smooth_min(horn, back, 4), low, 3)
        # The septum keeps the two sides apart.
        return smooth_max(ventricle, 0.9 - m[0], 1.5) + 0.35 * self.surface_noise

    @cached_property
    def ventricles(self) -> Points:
        """Distance to all ventricles."""
        f = self.person.ventricles
        m = self._mirror
        third = ellipsoid(m, (0, -10, 0), (1.6 * f * f, 15, 10))
        fourth = ellipsoid(m, (0, -45, -33), (6.5 + f, 4 + 1.5 * f, 9))
        return np.minimum(self.lateral_ventricles, np.minimum(third, fourth))

    @cached_property
    def choroid(self) -> Points:
        """Distance to the choroid plexus in the atria."""
        return (
            tube(
                self._mirror,
                ((9, -14, 20), (20, -34, 15), (25, -40, 8)),
                (0.8, 1.8, 2.6),
                (1, 1, 1),
                1,
            )
            + 0.5 * self.surface_noise
        )

    @cached_property
    def deep_grey(self) -> dict[str, Points]:
        """Distance to each of the nuclei."""
        m = self._mirror
        wide = 2.0 * (self.person.ventricles - 1)
        head = ellipsoid(m, (13 + wide, 16, 6), (5.5, 10, 9))
        tail = tube(m, ((15 + wide, 8, 14), (20 + wide, -22, 22)), (4, 1.5))
        # The putamen is a shell around the pallidum, thin at its ends.
        putamen = smooth_max(
            ellipsoid(m, (23, 2, 1), (7.5, 17, 11)), -ellipsoid(m, (16, -3, 0), (7.8, 12, 12)), 2
        )
        return {
            "caudate": smooth_min(head, tail, 3),
            "putamen": putamen,
            "pallidum": smooth_max(
                ellipsoid(m, (18.5, -4, -1), (5.5, 9.5, 7)), putamen * -1 + 0.3, 1
            ),
            "thalamus": ellipsoid(m, (11 + 0.5 * wide, -19, 7), (9.5, 14.5, 9)),
        }

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


def _turn(points: Points, person: Person) -> Points:
    """Positions in the atlas frame of positions in the scanner's."""
    moved = points.copy()
    for axis, angle in enumerate(person.angles):
        a, b = [k for k in range(3) if k != axis]
        # Half-angle form: exact rotation from products and divisions alone.
        t = angle / 2
        cosine, sine = np.float32((1 - t * t) / (1 + t * t)), np.float32(2 * t / (1 + t * t))
        moved[a], moved[b] = (
            cosine * moved[a] - sine * moved[b],
            sine * moved[a] + cosine * moved[b],
        )
    return moved / np.asarray(person.size, np.float32)[:, None]
