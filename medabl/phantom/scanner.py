"""From a brain and its lesions to the three volumes a scanner and a rater would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medabl.phantom.anatomy import Brain
from medabl.phantom.fields import BOX_LOW, NoiseField, Points, smooth_step
from medabl.phantom.lesions import Lesions
from medabl.phantom.sites import Contrast, Site

_SLICE_MM = 3.0


@dataclass(frozen=True)
class Scan:
    """One subject's volumes on the scanner's grid, X x Y x Z, and their place in the world."""

    flair: Points
    t1: NDArray[np.uint16]
    wmh: Points
    affine: NDArray[np.float64]


def scan(
    rng: np.random.Generator,
    brain: Brain,
    lesions: Lesions,
    site: Site,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
) -> Scan:
    """Both sequences and the rater's labels of one subject."""
    flair, t1 = _signals(rng, brain, lesions, site)
    shift = np.round(rng.uniform(-3, 3, 3), 2)
    grid = _Grid(brain.step, shape, spacing, site, shift)
    mask = grid.sample(brain.volume(brain.mask), 0) > 0.5
    labels = np.zeros(shape, np.float32)
    drawn = grid.sample(brain.volume(lesions.drawn), 0)
    other = grid.sample(brain.volume(lesions.other_drawn * brain.mask), 0)
    labels[(drawn > 0.5) & mask] = 1
    labels[(other > 0.5) & mask] = 2
    flair_volume = grid.sample(brain.volume(flair), site.blur)
    t1_volume = grid.sample(brain.volume(t1), 0.75 * site.blur)
    flair_volume = _receive(rng, flair_volume, site.bias, site.noise) * np.float32(site.flair_scale)
    t1_volume = _receive(rng, t1_volume, site.bias, 0.7 * site.noise) * np.float32(site.t1_scale)
    # Sixteenths and whole numbers leave no digits in which processors could differ.
    flair_volume = np.maximum(np.round(flair_volume * 16), 1) / np.float32(16)
    t1_volume = np.clip(np.round(t1_volume), 1, 65535)
    return Scan(
        flair=np.where(mask, flair_volume, np.float32(0)),
        t1=np.where(mask, t1_volume, 0).astype(np.uint16),
        wmh=labels,
        affine=grid.affine,
    )


def _signals(
    rng: np.random.Generator, brain: Brain, lesions: Lesions, site: Site
) -> tuple[Points, Points]:
    """FLAIR and T1 signal at the kept points, white matter 1."""
    points = brain.points
    patchy = NoiseField(rng, 8.0)(points)
    texture = NoiseField(rng, 2.6)(points)
    flow = NoiseField(rng, 4.0)(points)
    flair = _paint(brain, site.flair, 0.0)
    t1 = _paint(brain, site.t1, 0.06)
    # Cortex is brighter in some places than in others, most of all near the insula and the midline.
    grey = brain.tissue["grey"] * (1 - brain.tissue["white"])
    limbic = smooth_step(np.abs(np.abs(points[0]) - 37), 8, 1) * smooth_step(
        np.abs(points[2] + 3), 22, 10
    )
    flair += grey * (0.13 * patchy + 0.15 * limbic)
    flair *= 1 + 0.02 * texture
    # Fluid that flows keeps its signal: in the third and fourth ventricle and the basal cisterns.
    fluid = 1 - brain.tissue["grey"]
    for name in ("stem", "cerebellum"):
        fluid = fluid * (1 - brain.tissue[name])
    fluid = np.maximum(fluid, brain.tissue["ventricles"])
    low = smooth_step(points[2], 14, -12) * smooth_step(np.abs(points[0]), 45, 10)
    flair += fluid * low * np.clip(0.35 * flow, 0, 0.8)
    # The lining of the ventricles is bright in everybody.
    lining = smooth_step(np.abs(brain.lateral_ventricles - 0.4), 1.3, 0.2)
    flair += 0.16 * lining * (1 + 0.4 * patchy)
    white = brain.white
    flair += white * 0.03 * patchy
    flair += lesions.signal * np.float32(site.flair.lesion - 1)
    t1 += lesions.signal * np.float32(site.t1.lesion - 1)
    other = lesions.other_signal * np.clip(brain.tissue["grey"], 0, 1)
    flair += other * (np.float32(0.9 * site.flair.lesion) - flair)
    t1 += other * (np.float32(0.8 * site.t1.lesion) - t1)
    flair += lesions.cavity * (np.float32(site.flair.csf) - flair)
    t1 += lesions.cavity * (np.float32(site.t1.csf) - t1)
    return flair * brain.mask, t1 * brain.mask


def _paint(brain: Brain, contrast: Contrast, stem: float) -> Points:
    """Every structure's signal, painted over fluid in the order of `Brain.tissue`."""
    values = {
        "grey": contrast.cortex,
        "white": 1.0,
        "stem": 1.0 - stem,
        "cerebellum": 0.7 * contrast.cortex + 0.3,
        "arbor": 1.0,
        "folia": 0.5 * (contrast.csf + contrast.cortex),
        "caudate": contrast.deep_grey,
        "putamen": contrast.deep_grey,
        "pallidum": 0.5 * (contrast.deep_grey + 0.85),
        "thalamus": 0.5 * (contrast.deep_grey + 1.03),
        "ventricles": contrast.csf,
        "choroid": contrast.cortex * 0.9,
    }
    signal = np.full(brain.points.shape[1], contrast.csf, np.float32)
    for name, cover in brain.tissue.items():
        signal += cover * (np.float32(values[name]) - signal)
    return signal


def _receive(rng: np.random.Generator, signal: Points, bias: float, noise: float) -> Points:
    """The signal after the coil's uneven sensitivity and Rician noise."""
    x, y, z = (
        np.linspace(-1, 1, n, dtype=np.float32).reshape([-1 if k == a else 1 for k in range(3)])
        for a, n in enumerate(signal.shape)
    )
    c = np.round(bias * rng.standard_normal(9), 6).astype(np.float32)
    field = c[0] * x + c[1] * y + c[2] * z + c[3] * x * y + c[4] * x * z + c[5] * y * z
    field = field + c[6] * (x * x - 0.3) + c[7] * (y * y - 0.3) + c[8] * (z * z - 0.3)
    real = signal * (1 + field) + np.float32(noise) * rng.standard_normal(
        signal.shape, dtype=np.float32
    )
    imaginary = np.float32(noise) * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.sqrt(real * real + imaginary * imaginary)


class _Grid:
    """The scanner's voxels over the box the brain was built in."""

    def __init__(
        self,
        step: float,
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        site: Site,
        shift: NDArray[np.float64],
    ) -> None:
        self.step = step
        self.shape = shape
        self.spacing = spacing
        self.flips_x = site.flips_x
        middle = np.array([0.0, -17.0, 4.0]) + shift
        extent = (np.array(shape) - 1) * np.array(spacing)
        self.first = middle - extent / 2
        t = site.tilt_degrees * 0.0087266463
        cosine, sine = round((1 - t * t) / (1 + t * t), 6), round(2 * t / (1 + t * t), 6)
        turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        scale = np.array(spacing)
        origin = self.first.copy()
        if self.flips_x:
            origin[0] = self.first[0] + extent[0]
            scale = scale * [-1, 1, 1]
        self.affine = np.eye(4)
        self.affine[:3, :3] = turn * scale
        self.affine[:3, 3] = np.round(turn[:, 1:] @ origin[1:] + turn[:, 0] * origin[0], 4)

    def sample(self, volume: Points, blur: float) -> Points:
        """`volume` averaged over each voxel (and a slice's 3 mm), blurred by `blur` mm in-plane."""
        for axis in (2, 0, 1):
            width = _SLICE_MM if axis == 2 else self.spacing[axis]
            volume = self._along(volume, axis, width, 0 if axis == 2 else blur)
        return volume[::-1] if self.flips_x else volume

    def _along(self, volume: Points, axis: int, width: float, blur: float) -> Points:
        shape = list(volume.shape)
        count = shape[axis]
        shape[axis] = self.shape[axis]
        result = np.zeros(shape, np.float32)
        source, target = np.moveaxis(volume, axis, 0), np.moveaxis(result, axis, 0)
        reach = width / 2 + 2 * blur
        for k in range(self.shape[axis]):
            centre = (self.first[axis] + k * self.spacing[axis] - BOX_LOW[axis]) / self.step
            low = int(np.floor(centre - reach / self.step))
            taps = range(low, low + int(2 * reach / self.step) + 3)
            weights = [_overlap((i - centre) * self.step, self.step, width, blur) for i in taps]
            total = sum(weights)
            for i, weight in zip(taps, weights, strict=True):
                if weight > 0 and 0 <= i < count:
                    target[k] += np.float32(round(weight / total, 7)) * source[i]
        return result


def _overlap(offset: float, step: float, width: float, blur: float) -> float:
    """Weight of a grid point `offset` mm off the middle of a voxel `width` mm wide."""
    if blur == 0:
        return max(0.0, min(width / 2, offset + step / 2) - max(-width / 2, offset - step / 2))
    t = min(abs(offset) / (width / 2 + 2 * blur), 1.0)
    return (1 - t * t) ** 2
