"""The phantom's parts: loads over a cohort, anatomy, sampling, smooth shapes."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from medabl.phantom.anatomy import Brain
from medabl.phantom.cohort import plan_subject
from medabl.phantom.fields import (
    NoiseField,
    coverage,
    ellipsoid,
    segment,
    smooth_max,
    smooth_min,
    tube,
)
from medabl.phantom.lesions import Lesions, load_ml, simulate_lesions
from medabl.phantom.person import Person


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_every_cohort_spans_the_loads_and_has_nearly_empty_subjects(seed: int) -> None:
    plans = [plan_subject(index, seed) for index in range(60)]
    loads = np.array([plan.load_ml for plan in plans])
    assert (loads < 0.5).sum() == 2
    assert (np.array(loads[:12]) < 0.5).sum() == 1
    assert 8 < np.median(loads) < 16
    assert loads.max() > 70 and loads[loads > 0.5].min() < 2
    assert len({plan.folder for plan in plans}) == 60
    assert all(
        sum(plan.site.folder == name for plan in plans) == 20
        for name in ("Utrecht", "Singapore", "Amsterdam/GE3T")
    )


def test_loads_grow_with_the_quantile_through_their_quartiles() -> None:
    assert [load_ml(q) for q in (0.25, 0.5, 0.75)] == [5, 12, 30]
    values = [load_ml(q) for q in np.linspace(0, 1, 50)]
    assert all(a < b for a, b in pairwise(values))


@pytest.fixture(scope="module")
def brain() -> Brain:
    rng = np.random.default_rng(3)
    return Brain(rng, Person.draw(rng, 0.5), step=2.5)


@pytest.fixture(scope="module")
def lesions(brain: Brain) -> Lesions:
    return simulate_lesions(np.random.default_rng(4), brain, 25.0)


def test_tissue_volumes_are_those_of_a_brain(brain: Brain) -> None:
    litre = brain.step**3 / 1e6
    white = brain.tissue["white"].sum() * litre
    grey = brain.tissue["grey"].sum() * litre - white
    ventricles = brain.tissue["ventricles"].sum() * litre
    assert 0.3 < white < 0.75
    assert 0.3 < grey < 0.8
    assert 0.008 < ventricles < 0.12
    assert all(cover.min() >= 0 and cover.max() <= 1 for cover in brain.tissue.values())


def test_age_widens_the_ventricles() -> None:
    sizes = []
    for age in (0.0, 1.0):
        rng = np.random.default_rng(8)
        sizes.append(Brain(rng, Person.draw(rng, age), step=3).tissue["ventricles"].sum())
    assert sizes[1] > 1.5 * sizes[0]


def test_the_hemispheres_are_parted_above_the_callosum_and_joined_below(brain: Brain) -> None:
    x, y, z = brain.points
    middle = np.abs(x) < 1
    above = middle & (np.abs(y + 10) < 20) & (z > 45) & (z < 55)
    callosum = middle & (np.abs(y + 6) < 15) & (z > 10) & (z < 18)
    assert brain.pia[above].mean() > 0
    assert brain.pia[callosum].mean() < -2


@pytest.fixture(scope="module")
def folded() -> Brain:
    rng = np.random.default_rng(5)
    return Brain(rng, Person.draw(rng, 0.6), step=1.5)


def faces(solid: np.ndarray) -> int:
    """Number of voxel faces between a solid and what surrounds it."""
    return sum(np.count_nonzero(np.diff(solid, axis=axis)) for axis in range(3))


def test_the_folded_surface_is_much_larger_than_the_outline(folded: Brain) -> None:
    # Human cerebra: about 2.6 in cuts, and more here, where the outline spans the midline fissure.
    outline = folded.volume(folded.cerebrum, 99) < 0
    tissue = folded.volume(folded.pia, 99) < 0
    upper = np.s_[:, :, tissue.any((0, 1)).nonzero()[0][0] :]
    assert 2.4 < faces(tissue[upper]) / faces(outline[upper]) < 4


def test_sulci_are_deep_and_filled_with_fluid(folded: Brain) -> None:
    x, _, z = folded.points
    # Above the lateral fissure and away from the midline, only sulci hold fluid.
    upper = (z > 25) & (np.abs(x) > 20) & (folded.cerebrum < 0)
    depth = -folded.cerebrum
    fluid = (folded.pia > 0) & (folded.lateral_ventricles > 2)
    for low, high, least, most in ((2, 6, 0.1, 0.5), (10, 15, 0.03, 0.3)):
        layer = upper & (depth > low) & (depth < high)
        assert least < fluid[layer].mean() < most
    assert np.quantile(depth[upper & fluid], 0.98) > 13


def test_white_matter_is_one_piece_and_reaches_into_the_gyri(folded: Brain) -> None:
    white = folded.volume(folded.tissue["white"]) > 0.5
    labels, _ = ndimage.label(white)
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes.max() > 0.93 * sizes.sum()
    depth = -folded.cerebrum[folded.tissue["white"] > 0.5]
    assert 0.15 < (depth < 12).mean() < 0.6


def test_most_of_the_cortex_is_as_thick_as_cortex(folded: Brain) -> None:
    grey = folded.volume(folded.tissue["grey"]) > 0.5
    white = folded.volume(folded.tissue["white"]) > 0.5
    inwards = ndimage.distance_transform_edt(grey, sampling=folded.step)
    depth = inwards[grey & ~white]
    assert np.quantile(depth, 0.9) < 4
    # White matter never lies bare: cortex is between it and the fluid.
    assert np.quantile(inwards[white], 0.02) > 1.5


def test_lesions_have_the_asked_volume_and_stay_in_white_matter(
    brain: Brain, lesions: Lesions
) -> None:
    drawn = lesions.drawn > 0.5
    assert 15 < drawn.sum() * brain.step**3 / 1000 < 35
    assert np.all(brain.white[drawn] > 0.5)
    assert lesions.signal[drawn].mean() > 4 * lesions.signal[~drawn & (brain.white > 0.5)].mean()


def test_lesions_gather_around_the_ventricles(brain: Brain, lesions: Lesions) -> None:
    distance = brain.lateral_ventricles
    white = brain.white > 0.5
    near = white & (distance < 6)
    far = white & (distance > 20)
    assert (lesions.drawn[near] > 0.5).mean() > 3 * (lesions.drawn[far] > 0.5).mean()


def test_ellipsoid_of_equal_axes_is_a_sphere() -> None:
    points = np.random.default_rng(0).uniform(-9, 9, (3, 500)).astype(np.float32)
    exact = np.linalg.norm(points - np.array([[1], [2], [3]]), axis=0) - 4
    np.testing.assert_allclose(ellipsoid(points, (1, 2, 3), (4, 4, 4)), exact, atol=1e-4)


def test_straight_tube_is_a_capsule_and_segment_gives_the_nearest_point() -> None:
    points = np.random.default_rng(1).uniform(-9, 9, (3, 400)).astype(np.float32)
    a, b = np.array([-2.0, 0, 1]), np.array([3.0, 1, 2])
    t = np.linspace(0, 1, 2001)
    path = a[:, None] + (b - a)[:, None] * t
    every = np.linalg.norm(points[:, :, None] - path[:, None, :], axis=0)
    nearest, squared = segment(points, tuple(a), tuple(b))
    np.testing.assert_allclose(np.sqrt(squared), every.min(1), atol=1e-3)
    np.testing.assert_allclose(nearest, t[every.argmin(1)], atol=2e-3)
    np.testing.assert_allclose(tube(points, [a, b], [1.5, 1.5]), every.min(1) - 1.5, atol=1e-3)


def test_smooth_minimum_and_maximum_are_exact_away_from_the_seam() -> None:
    a, b = np.float32([0, 5, 1]), np.float32([4, 1, 1])
    np.testing.assert_allclose(smooth_min(a, b, 2), [0, 1, 0.5])
    np.testing.assert_allclose(smooth_max(a, b, 2), [4, 5, 1.5])


def test_coverage_is_the_part_of_the_voxel_inside() -> None:
    np.testing.assert_allclose(
        coverage(np.float32([-2, -0.5, 0, 0.5, 2]), 2.0), [1, 0.75, 0.5, 0.25, 0]
    )


def test_noise_has_unit_spread_and_the_asked_width() -> None:
    points = np.random.default_rng(2).uniform(-60, 60, (3, 40000)).astype(np.float32)
    noise = NoiseField(np.random.default_rng(9), 6.0)
    values = noise(points)
    assert abs(values.std() - 1) < 0.1
    # White noise smoothed by a Gaussian s is correlated as exp(-d^2 / 4 s^2).
    shifted = points + np.float32([[6], [0], [0]])
    assert np.corrcoef(values, noise(shifted))[0, 1] == pytest.approx(np.exp(-0.25), abs=0.08)
