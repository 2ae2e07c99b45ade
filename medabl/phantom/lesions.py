"""White matter hyperintensities, other pathology and what merely looks like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medabl.phantom.anatomy import Brain
from medabl.phantom.fields import (
    NoiseField,
    Points,
    coverage,
    ellipsoid,
    smooth_min,
    smooth_step,
)

# Lesion load in ml at the quantiles 0, 1/4, 1/2, 3/4, 1 of the cohort.
_LOADS = (1.4, 5.0, 12.0, 30.0, 95.0)


def load_ml(quantile: float) -> float:
    """Lesion volume in ml at a quantile (0 to 1) of the cohort: geometric between its quartiles."""
    return float(np.round(2 ** np.interp(quantile, np.linspace(0, 1, 5), np.log2(_LOADS)), 3))


@dataclass(frozen=True)
class Lesions:
    """Lesions of one brain at its kept points.

    Attributes:
        signal: how much of the lesions' extra signal each voxel has, 0 to about 1.
        drawn: part of each voxel inside the outline a rater would draw.
        other_signal: how much of the other pathology's signal each voxel has.
        other_drawn: part of each voxel inside the other pathology's outline.
        cavity: fluid in the middle of old infarcts, 0 to 1.
    """

    signal: Points
    drawn: Points
    other_signal: Points
    other_drawn: Points
    cavity: Points


def simulate_lesions(rng: np.random.Generator, brain: Brain, volume_ml: float) -> Lesions:
    """Lesions of about `volume_ml` in the white matter of `brain`."""
    white = brain.white
    millilitre = 1000 / brain.step**3
    distance = _punctate(rng, brain, volume_ml)
    deep_ml = float((coverage(distance, brain.step) * white).sum(dtype=np.float64)) / millilitre
    rest = max(volume_ml - deep_ml, 0.25 * volume_ml)
    share = float(rng.uniform(0.45, 0.75))
    bands = _bands(rng, brain)
    distance = smooth_min(distance, _filled(bands, white, share * rest * millilitre), 1.0)
    if volume_ml > 1:
        patches = _patches(rng, brain)
        rest_ml = (1 - share) * rest
        distance = smooth_min(distance, _filled(patches, white, rest_ml * millilitre), 1.0)

    fine = NoiseField(rng, 2.2)(brain.points)
    coarse = NoiseField(rng, 7.0)(brain.points)
    distance = distance + 0.55 * fine
    edge = 1.5 + 0.35 * np.clip(coarse, -2, 2)
    strength = np.clip(0.91 + 0.16 * coarse, 0.5, 1.25)
    signal = smooth_step(distance / edge, 1, -1) * strength
    # Around lesions the white matter is already a little bright, which raters leave out.
    signal = np.maximum(signal, 0.22 * smooth_step(distance, 5, 0) * strength)
    hand = NoiseField(rng, 4.0)(brain.points)
    drawn = coverage(distance + 0.35 * hand, brain.step)
    other, cavity = _infarcts(rng, brain)
    keep = 1 - smooth_step(other, 2.5, 1.5)
    return Lesions(
        signal=signal * white,
        drawn=drawn * white * keep,
        other_signal=smooth_step(other, 1.5, -1.5),
        other_drawn=coverage(other, brain.step),
        cavity=cavity,
    )


def _filled(distance: Points, white: Points, voxels: float) -> Points:
    """`distance` shifted so that about `voxels` voxels of white matter lie inside."""
    values = distance[white > 0.5]
    count = int(min(max(round(voxels), 1), len(values) - 1))
    return distance - np.partition(values, count)[count]


def _bands(rng: np.random.Generator, brain: Brain) -> Points:
    """Caps on the horns of the lateral ventricles and ragged bands along their bodies."""
    noise = NoiseField(rng, 4.5)(brain.points)
    broad = NoiseField(rng, 11.0)(brain.points)
    mirror = np.stack([np.abs(brain.points[0]), brain.points[1], brain.points[2]])
    front = smooth_step(ellipsoid(mirror, (15, 31, 4), (6, 6, 7)), 9, -3)
    back = smooth_step(ellipsoid(mirror, (29, -48, 12), (7, 10, 8)), 11, -3)
    body = smooth_step(mirror[2], 8, 20)
    thick = 3.2 * front + 4.0 * back + 1.6 * body + 1.6 * noise + 1.8 * broad
    return brain.lateral_ventricles - thick


def _patches(rng: np.random.Generator, brain: Brain) -> Points:
    """Patches in the deep white matter, more of them near the ventricles, which run together."""
    noise = NoiseField(rng, 3.4)(brain.points)
    broad = NoiseField(rng, 12.0)(brain.points)
    near = smooth_step(brain.lateral_ventricles, 30, 2)
    shallow = smooth_step(brain.white_depth, 4, 1)
    return 3.4 * (3.0 - noise - 0.8 * broad - 1.6 * near + 0.8 * shallow)


def _punctate(rng: np.random.Generator, brain: Brain, volume_ml: float) -> Points:
    """Small round lesions scattered in the white matter."""
    count = int(rng.integers(3, 8)) if volume_ml < 1 else int(rng.integers(25, 65))
    places = np.flatnonzero(
        (brain.white > 0.9) & (brain.white_depth > 1.2) & (brain.points[2] > -8)
    )
    centres = brain.points[:, rng.choice(places, count)]
    largest = 2.0 if volume_ml < 1 else 3.4
    sizes = 1.3 + (largest - 1.3) * rng.random(count) ** 2
    result = np.full(brain.points.shape[1], 50, np.float32)
    for k in range(count):
        stretch = rng.uniform(0.75, 1.35, 3)
        near = np.flatnonzero(np.abs(brain.points - centres[:, k : k + 1]).max(0) < 12)
        shape = ellipsoid(
            brain.points[:, near], tuple(centres[:, k]), tuple(float(sizes[k]) * stretch)
        )
        result[near] = np.minimum(result[near], shape)
    return result


def _infarcts(rng: np.random.Generator, brain: Brain) -> tuple[Points, Points]:
    """Distance to old infarcts (none in most brains), and the fluid in their middle."""
    distance = np.full(brain.points.shape[1], 50, np.float32)
    cavity = np.zeros(brain.points.shape[1], np.float32)
    if rng.random() > 0.3:
        return distance, cavity
    noise = NoiseField(rng, 3.5)(brain.points)
    places = np.flatnonzero((brain.tissue["grey"] > 0.9) & (brain.points[2] > -5))
    for _ in range(int(rng.integers(1, 3))):
        centre = brain.points[:, rng.choice(places)]
        radii = rng.uniform(3.5, 10, 3)
        blob = ellipsoid(brain.points, tuple(centre), tuple(radii)) + 1.2 * noise
        distance = np.minimum(distance, blob)
        if rng.random() < 0.6:
            cavity = np.maximum(cavity, coverage(blob + 0.45 * float(radii.min()), brain.step))
    return distance, cavity
