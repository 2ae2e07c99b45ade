"""Where the neighbours of a voxel are, in the order the active boundary loss numbers them."""

from __future__ import annotations

from functools import cache
from itertools import product

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
