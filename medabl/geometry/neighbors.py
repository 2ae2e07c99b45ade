"""Where the neighbours of a voxel are, in the order the active boundary loss numbers them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from math import prod

import torch

# Wang et al. (AAAI 2022) number the eight neighbours of a pixel (row, column) in this order; it
# decides which of several equally near neighbours is taken.
_OFFSETS_2D = ((1, 0), (-1, 0), (0, -1), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1))


@cache
def neighbor_offsets(spatial_dims: int) -> tuple[tuple[int, ...], ...]:
    """Offsets to the 8 (2D) or 26 (3D) neighbours of a voxel.

    In 2D they come in the order of the paper. In 3D, which the paper does not have, faces come
    first, then edges, then corners, each in lexicographic order.

    Args:
        spatial_dims: 2 or 3.

    Returns:
        tuples of `spatial_dims` steps in {-1, 0, 1}, the zero offset left out.

    Raises:
        ValueError: if `spatial_dims` is neither 2 nor 3.

    Example:
        >>> neighbor_offsets(2)[0]
        (1, 0)
        >>> len(neighbor_offsets(3))
        26
    """
    if spatial_dims == 2:
        return _OFFSETS_2D
    if spatial_dims != 3:
        raise ValueError(f"spatial_dims must be 2 or 3, got {spatial_dims}.")
    moves = [offset for offset in product((-1, 0, 1), repeat=3) if any(offset)]
    return tuple(sorted(moves, key=lambda offset: (sum(map(abs, offset)), offset)))


def split_interior(
    positions: torch.Tensor, spatial: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Part flat indices into those with all neighbours inside the image and the others.

    Args:
        positions: K flat indices into B x H x W [x D].
        spatial: H, W [and D].

    Returns:
        the indices away from the edges of the image, and those on them.
    """
    interior = torch.ones_like(positions, dtype=torch.bool)
    for coordinate, size in zip(_coordinates(positions, spatial), spatial, strict=True):
        interior &= (coordinate > 0) & (coordinate < size - 1)
    return positions[interior], positions[~interior]


def interior_neighbors(positions: torch.Tensor, spatial: Sequence[int]) -> torch.Tensor:
    """Flat indices of the neighbours of voxels that are on no edge, N x K.

    Args:
        positions: K flat indices into B x H x W [x D], as the first of `split_interior`.
        spatial: H, W [and D].

    Returns:
        N x K flat indices in the order of `neighbor_offsets`.
    """
    strides = [prod(spatial[axis + 1 :]) for axis in range(len(spatial))]
    steps = [
        sum(step * stride for step, stride in zip(offset, strides, strict=True))
        for offset in neighbor_offsets(len(spatial))
    ]
    return positions + positions.new_tensor(steps)[:, None]


def neighbor_indices(
    positions: torch.Tensor, spatial: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flat indices of the neighbours of any voxels of a batch of images.

    Args:
        positions: K flat indices into B x H x W [x D].
        spatial: H, W [and D].

    Returns:
        N x K flat indices in the order of `neighbor_offsets`, clamped to the image (beyond its
        edge, the nearest voxel inside), and N x K bool, False for those that were clamped.
    """
    # For every axis and step: how far the flat index moves, and whether it stays inside.
    moves: list[dict[int, torch.Tensor]] = []
    stays: list[dict[int, torch.Tensor]] = []
    for axis, coordinate in enumerate(_coordinates(positions, spatial)):
        stride = prod(spatial[axis + 1 :])
        not_first, not_last = coordinate > 0, coordinate < spatial[axis] - 1
        moves.append({-1: not_first * -stride, 1: not_last * stride})
        stays.append({-1: not_first, 1: not_last})

    offsets = neighbor_offsets(len(spatial))
    indices = positions.new_empty((len(offsets), len(positions)))
    inside = torch.empty_like(indices, dtype=torch.bool)
    for row, offset in enumerate(offsets):
        steps = [(axis, step) for axis, step in enumerate(offset) if step]
        torch.add(positions, sum(moves[axis][step] for axis, step in steps), out=indices[row])
        inside[row] = stays[steps[0][0]][steps[0][1]]
        for axis, step in steps[1:]:
            inside[row] &= stays[axis][step]
    return indices, inside


def _coordinates(positions: torch.Tensor, spatial: Sequence[int]) -> list[torch.Tensor]:
    coordinates = []
    for axis, size in enumerate(spatial):
        stride = prod(spatial[axis + 1 :])
        line = positions if stride == 1 else positions.div(stride, rounding_mode="floor")
        coordinates.append(line.remainder(size))
    return coordinates
