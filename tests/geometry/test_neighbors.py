import doctest
import itertools

import numpy as np
import pytest
import torch

from medabl.geometry import neighbors


@pytest.mark.parametrize("dims", [2, 3])
def test_offsets_are_the_whole_box_without_its_centre(dims):
    offsets = neighbors.neighbor_offsets(dims)
    assert len(offsets) == 3**dims - 1
    assert {*offsets, (0,) * dims} == set(itertools.product((-1, 0, 1), repeat=dims))


def test_order_in_2d_is_the_papers():
    expected = ((1, 0), (-1, 0), (0, -1), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1))
    assert neighbors.neighbor_offsets(2) == expected


def test_order_in_3d_is_faces_edges_corners():
    moved = [sum(map(abs, offset)) for offset in neighbors.neighbor_offsets(3)]
    assert moved == [1] * 6 + [2] * 12 + [3] * 8


def test_refuses_other_dimensions():
    with pytest.raises(ValueError, match="spatial_dims must be 2 or 3"):
        neighbors.neighbor_offsets(1)


@pytest.mark.parametrize("spatial", [(4, 5), (1, 3), (1, 1), (3, 4, 5), (2, 1, 3)])
def test_indices_are_clamped_and_marked(spatial):
    shape = (2, *spatial)
    positions = torch.arange(int(np.prod(shape)))
    indices, inside = neighbors.neighbor_indices(positions, spatial)
    for k, (image, *pixel) in enumerate(np.ndindex(shape)):
        for n, offset in enumerate(neighbors.neighbor_offsets(len(spatial))):
            wanted = np.add(pixel, offset)
            clamped = np.clip(wanted, 0, np.subtract(spatial, 1))
            assert indices[n, k] == np.ravel_multi_index((image, *clamped), shape)
            assert inside[n, k] == (wanted == clamped).all()


@pytest.mark.parametrize("spatial", [(4, 5), (2, 3), (3, 4, 5)])
def test_interior_has_the_same_neighbours(spatial):
    positions = torch.arange(2 * int(np.prod(spatial)))
    interior, edge = neighbors.split_interior(positions, spatial)
    indices, inside = neighbors.neighbor_indices(positions, spatial)
    assert torch.equal(interior, positions[inside.all(0)])
    assert torch.equal(edge, positions[~inside.all(0)])
    assert torch.equal(neighbors.interior_neighbors(interior, spatial), indices[:, inside.all(0)])


def test_docstring_example_runs():
    results = doctest.testmod(neighbors)
    assert results.attempted > 0
    assert results.failed == 0
