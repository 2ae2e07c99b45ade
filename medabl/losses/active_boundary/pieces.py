"""The boundary voxels of a batch in pieces that are worked on at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from medabl.geometry.neighbors import interior_neighbors, neighbor_indices, split_interior
from medabl.geometry.predicted_boundaries import true_positions

# Values worked on at once: what the cache of a core holds, or a part of a GPU's memory.
_PIECE_VALUES = {False: 2**19, True: 2**25}


class Piece(NamedTuple):
    """K boundary voxels and their neighbours.

    Attributes:
        centers: K flat indices.
        neighbors: N x K, as `medabl.geometry.neighbors` gives them.
        listed: K, which of them are meant; None if all are.
        inside: N x K, which neighbours take part; None if all do.
    """

    centers: torch.Tensor
    neighbors: torch.Tensor
    listed: torch.Tensor | None
    inside: torch.Tensor | None


def pieces(
    boundary: torch.Tensor, valid: torch.Tensor | None, channels: int, room: int, *, static: bool
) -> Iterator[Piece]:
    """Part the boundary voxels into pieces.

    Args:
        boundary: B x H x W [x D] bool.
        valid: of the same shape; voxels that are not take no part. None if all are.
        channels: number of channels of the logits.
        room: most voxels that can be on the boundary.
        static: all shapes are known beforehand.

    Yields:
        pieces that have all boundary voxels between them; one without edges has no masks.
    """
    spatial = boundary.shape[1:]
    size = max(1, _PIECE_VALUES[static] // (3 ** len(spatial) * channels))
    listed = None
    if static:
        positions, listed = _static_positions(boundary.view(-1), room)
    else:
        positions = true_positions(boundary.view(-1))
        if valid is None:
            interior, positions = split_interior(positions, spatial)
            for start in range(0, len(interior), size):
                centers = interior[start : start + size]
                yield Piece(centers, interior_neighbors(centers, spatial), None, None)
    for start in range(0, len(positions), size):
        centers = positions[start : start + size]
        neighbors, inside = neighbor_indices(centers, spatial)
        if valid is not None:
            inside &= valid.reshape(-1)[neighbors]
        meant = None if listed is None else listed[start : start + size]
        yield Piece(centers, neighbors, meant, inside)


def _static_positions(flat: torch.Tensor, room: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`room` flat indices, among them those of all True voxels, and which those are."""
    rank = flat.cumsum(0)
    slot = torch.where(flat, rank - 1, room).clamp_max(room)
    everywhere = torch.arange(len(flat), device=flat.device)
    positions = everywhere.new_zeros(room + 1).scatter_(0, slot, everywhere)[:room]
    return positions, torch.arange(room, device=flat.device) < rank[-1:]
