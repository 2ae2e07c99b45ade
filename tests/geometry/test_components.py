import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medabl.geometry import component_sizes, connected_components, nearest_component
from medabl.geometry.components import most_components


def masks(seed, shape, density):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density


def flooded(mask):
    """The components of one image as sets of voxels, by walking from neighbour to neighbour."""
    left = {tuple(voxel) for voxel in np.argwhere(mask.numpy()).tolist()}
    found = []
    while left:
        frontier, component = [left.pop()], set()
        while frontier:
            voxel = frontier.pop()
            component.add(voxel)
            for step in itertools.product((-1, 0, 1), repeat=mask.ndim):
                neighbour = tuple(a + b for a, b in zip(voxel, step, strict=True))
                if neighbour in left:
                    left.remove(neighbour)
                    frontier.append(neighbour)
        found.append(component)
    return found


def as_sets(numbers):
    return [
        set(map(tuple, np.argwhere(numbers == n).tolist())) for n in range(1, numbers.max() + 1)
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([(1, 1), (6, 7), (3, 4, 5)]),
    st.sampled_from([0.0, 0.1, 0.4, 1.0]),
)
def test_components_are_those_found_by_walking(seed, spatial, density):
    mask = masks(seed, (2, 2, *spatial), density)
    numbers = connected_components(mask)
    sizes = component_sizes(numbers)
    assert numbers.dtype == torch.int32
    for image, channel in itertools.product(range(2), repeat=2):
        walked = flooded(mask[image, channel])
        found = as_sets(numbers[image, channel].numpy())
        assert sorted(map(sorted, found)) == sorted(map(sorted, walked))
        assert len(found) <= most_components(spatial)
        expected = np.zeros(spatial, int)
        for component in walked:
            expected[tuple(zip(*component, strict=True))] = len(component)
        np.testing.assert_array_equal(sizes[image, channel].numpy(), expected)


@pytest.mark.parametrize("spacing", [None, 2.0, (1.0, 3.0), (0.7, 1.0, 5.0)])
@pytest.mark.parametrize("density", [0.0, 0.01, 0.1])
def test_the_nearest_component_is_at_the_shortest_distance(spacing, density):
    spatial = (7, 9, 6) if spacing is not None and spacing not in (2.0, (1.0, 3.0)) else (14, 17)
    numbers = connected_components(masks(1, (2, 2, *spatial), density))
    cells = nearest_component(numbers, spacing)
    assert cells.dtype == torch.int32
    for image, channel in itertools.product(range(2), repeat=2):
        components, nearest = numbers[image, channel].numpy(), cells[image, channel].numpy()
        if components.max() == 0:
            assert not nearest.any()
            continue
        distances = np.stack(
            [
                ndimage.distance_transform_edt(components != n, spacing)
                for n in range(1, components.max() + 1)
            ]
        )
        of_nearest = np.take_along_axis(distances, nearest[None] - 1, 0)[0]
        np.testing.assert_allclose(of_nearest, distances.min(0), rtol=1e-12)
        np.testing.assert_array_equal(nearest[components > 0], components[components > 0])


def test_a_thousand_components():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., ::2, ::2] = 1
    numbers = connected_components(mask)
    assert numbers.max() == 1024 == most_components((64, 64))
    assert nearest_component(numbers).flatten().bincount().tolist()[1:] == pytest.approx([4] * 1024)
    assert torch.equal(component_sizes(numbers), mask.long())


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="mask must be B x C x H x W"):
        connected_components(torch.ones(4, 5))
    with pytest.raises(ValueError, match="spacing must have 2 numbers"):
        nearest_component(torch.ones(1, 1, 4, 5), (1.0, 1.0, 1.0))
