"""A brain built from smooth shapes: folded cortex, white matter, ventricles, deep grey nuclei.

Positions are in mm, x to the right, y to the front, z up, with the origin at the anterior
commissure, as atlases have it. Distances are positive outside of a structure. Sulci are the zero
set of a band-limited random field that is constant along lines leaving a core curve in each
hemisphere, so that they stand upright on the surface; cortex is what lies within its thickness of
fluid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from medabl.data.phantom.fields import (
    BOX_HIGH,
    BOX_LOW,
    NoiseField,
    Points,
    coverage,
    ellipsoid,
    segment,
    smooth_max,
    smooth_min,
    smooth_step,
    tube,
)

# The curve the sulci point at: frontal pole, parietal lobe, occipital pole, temporal lobe.
_CORE = (
    (22, 30, 10),
    (26, 4, 26),
    (28, -34, 30),
    (26, -68, 12),
    (42, -42, -8),
    (42, 0, -24),
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
            cortex_mm=2.9 - 0.5 * age,
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
        near = self._outline(_turn(coarse.reshape(3, -1), person)) < 4 + 3 * step
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
        self._mirror = np.stack([np.abs(points[0]), points[1], points[2]])
        self.surface_noise = NoiseField(rng, 9.0)(points)
        self._fold = NoiseField(rng, 4.3, band=1.5)
        self._reach = NoiseField(rng, 9.0)

    def volume(self, values: Points, fill: float = 0) -> Points:
        """Values at the kept points as a volume over the whole grid."""
        result = np.full(self.shape, fill, np.float32)
        result.reshape(-1)[self.inside] = values
        return result

    @staticmethod
    def _hemispheres(mirror: Points) -> Points:
        """Distance to the smooth outline of the cerebrum."""
        dome = ellipsoid(mirror, (8, -24, 10), (59, 78, 64))
        front = ellipsoid(mirror, (13, 22, 8), (37, 46, 42))
        dome = smooth_min(dome, front, 10)
        # The base rises from the frontal floor to the tentorium, which rises towards the middle.
        floor = -18 - mirror[2] + 0.12 * (mirror[1] - 20) - 0.10 * np.maximum(-mirror[1] - 30, 0)
        floor += np.float32(0.22) * np.maximum(24 - mirror[0], 0)
        dome = smooth_max(dome, floor, 8)
        temporal = tube(
            mirror, ((40, 12, -30), (46, -16, -20), (46, -48, -10)), (15, 18.5, 17), (1, 1, 1), 12
        )
        return smooth_min(dome, temporal, 3)

    @staticmethod
    def _cerebellum(mirror: Points) -> Points:
        lobes = ellipsoid(mirror, (23, -64, -37), (31, 29, 20))
        vermis = ellipsoid(mirror, (0, -66, -30), (14, 24, 20))
        return smooth_min(lobes, vermis, 4)

    @staticmethod
    def _stem(mirror: Points) -> Points:
        path = ((0, -18, 0), (0, -24, -14), (0, -27, -34), (0, -38, -54), (0, -46, -78))
        return smooth_min(
            tube(mirror, path, (16, 13, 13.5, 9, 7)),
            ellipsoid(mirror, (0, -19, -31), (17, 10, 13)),
            5,
        )

    def _outline(self, points: Points) -> Points:
        mirror = np.stack([np.abs(points[0]), points[1], points[2]])
        whole = np.minimum(self._hemispheres(mirror), self._cerebellum(mirror))
        return np.minimum(whole, self._stem(mirror))

    @cached_property
    def mask(self) -> Points:
        """Part of each voxel inside the skull-stripped brain, with a rim of fluid."""
        hull = smooth_min(self._hemispheres(self._mirror), self._stem(self._mirror), 12)
        hull = smooth_min(hull, self._cerebellum(self._mirror), 10)
        hull = hull - 0.9 - 0.6 * self.surface_noise
        return coverage(np.maximum(hull, self.points[2] * 0 - 68 - self.points[2]), self.step)

    @cached_property
    def core(self) -> Points:
        """Distance to the part the fissure between the hemispheres does not enter."""
        y, z = self.points[1], self.points[2]
        flat = np.stack([np.zeros_like(y), y, z])
        return ellipsoid(flat, (1, -6, 1), (1e3, 37, 25.5))

    @cached_property
    def pia(self) -> Points:
        """Distance from the cerebrum's outer surface, sulci included: negative in tissue."""
        mirror = self._mirror
        person = self.person
        hull = self._hemispheres(mirror)
        gap = 0.45 + 1.0 * person.atrophy
        outer = np.maximum(mirror[0] - gap, 0)
        fissure = np.where(
            self.core > 0, outer, np.sqrt(outer * outer + np.minimum(self.core, 0) ** 2)
        )
        sylvian = self._sylvian(gap)
        sheet, length = self._sulci()
        depth = np.minimum(-hull, fissure)
        reach = 12.5 + 3.5 * self._reach(self.points)
        # Near the core curve the folds would meet in a star.
        bottom = np.maximum(depth - reach, 9.5 + 2 * self.surface_noise - length)
        sulcus = smooth_max(sheet - 0.75 * gap, bottom, 3)
        tissue = smooth_min(depth, sulcus, 3.5)
        return -smooth_min(tissue, sylvian, 2.5)

    def _sylvian(self, gap: float) -> Points:
        """Distance to the cleft above the temporal lobe and the fluid over the insula."""
        x, y, z = self._mirror
        plane = np.abs(z - (-6 - 0.5 * (y + 5) + 2.5 * self.surface_noise)) * np.float32(0.85)
        cleft = np.maximum(plane, 36.5 - x)
        cleft = np.maximum(cleft, np.maximum(y - 22, -38 - y)) - gap
        insula = np.abs(x - (38.5 - 0.006 * (y + 2) ** 2 + 1.1 * self.surface_noise))
        height = np.abs(z - (-2 - 0.35 * y)) - 12
        insula = np.maximum(insula, np.maximum(height, np.abs(y + 3) - 21)) - 0.9 * gap
        return np.minimum(cleft, insula)

    def _sulci(self) -> tuple[Points, Points]:
        """Distance to the middle of the nearest sulcus, and to the core curve."""
        mirror = self._mirror
        nearest = np.zeros_like(mirror)
        total = np.zeros(mirror.shape[1], np.float32)
        for a, b in pairwise(_CORE):
            t, squared = segment(mirror, a, b)
            weight = 1 / (squared * squared * squared + 1)
            total += weight
            for axis in range(3):
                nearest[axis] += weight * (np.float32(a[axis]) + t * np.float32(b[axis] - a[axis]))
        nearest /= total
        offset = mirror - nearest
        length = np.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
        # A tenth of the true distance is kept: sulci then lean and fork with depth.
        radius = (27 + np.float32(0.12) * length) / np.maximum(length, np.float32(1))
        foot = nearest + offset * radius
        foot[0] *= np.sign(self.points[0])
        value = self._fold(foot)
        volume = self.volume(value)
        slope = np.zeros(len(value), np.float32)
        for axis in range(3):
            change = np.gradient(volume, np.float32(self.step), axis=axis).reshape(-1)[self.inside]
            slope += change * change
        slope = np.sqrt(slope)
        return np.abs(value) / np.maximum(slope, np.float32(0.05)), length

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
        central = np.maximum(
            ellipsoid(self._mirror, (0, -12, 4), (34, 36, 21)), self._hemispheres(self._mirror)
        )
        whole = smooth_min(pia, central, 2)
        cover["grey"] = coverage(whole, h)
        thick = self.person.cortex_mm + 0.25 * self.surface_noise
        cover["white"] = coverage(whole + thick, h)
        self.white_depth = -(whole + thick)
        stem = self._stem(self._mirror)
        cover["stem"] = coverage(stem + 0.5, h)
        cerebellum = self._cerebellum(self._mirror)
        cover["cerebellum"] = coverage(cerebellum + 1, h)
        # The cerebellum's own white matter reaches outwards in branches.
        branches = 10 + 2.5 * self.surface_noise - 0.12 * self._mirror[0]
        cover["arbor"] = coverage(cerebellum + branches, 3 * h)
        cover["folia"] = self._folia(cerebellum)
        for name, distance in self.deep_grey.items():
            cover[name] = coverage(distance + 0.4 * self.surface_noise, 2 * h)
        cover["ventricles"] = coverage(self.ventricles, h)
        cover["choroid"] = coverage(self.choroid, h)
        return cover

    def _folia(self, cerebellum: Points) -> Points:
        """Fluid in the fissures of the cerebellum: thin sheets bent around the brain stem."""
        x, y, z = self._mirror
        spread = np.sqrt((0.55 * x) ** 2 + (y + 30) ** 2 + (1.3 * (z + 34)) ** 2)
        phase = (spread + 0.8 * self.surface_noise) / np.float32(5.2)
        distance = np.abs(phase - np.round(phase)) * np.float32(5.2)
        depth = smooth_step(-cerebellum, 15, 7) * coverage(cerebellum + 1, self.step)
        return np.clip(1.5 - distance, 0, 1) * np.float32(0.5) * depth

    @cached_property
    def white(self) -> Points:
        """White matter of the hemispheres, where lesions may be: 0 to 1."""
        cover = self.tissue
        free = cover["white"] * (1 - cover["ventricles"])
        for name in ("caudate", "putamen", "pallidum", "thalamus"):
            free = free * (1 - cover[name])
        return (
            free
            * smooth_step(self._hemispheres(self._mirror), 0, -3)
            * smooth_step(self.points[2], -32, -22)
        )


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
