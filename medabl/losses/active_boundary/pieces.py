"""The boundary voxels of a batch in pieces that are worked on at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from medabl.geometry.neighbors import interior_neighbors, neighbor_indices, split_interior
from medabl.geometry.predicted_boundaries import true_positions

# Values worked on at once: what the cache of a core holds, or a part of a GPU's memory.
_PIECE_VALUES = {False: 2**18, True: 2**25}


class Piece(NamedTuple):
    """K boundary voxels and their neighbours.

    Attributes:
        images: which images of the batch they are in: one, or, if shapes are static, any.
        centers: K flat indices into those images.
        neighbors: N x K, as `medabl.geometry.neighbors` gives them.
        listed: K, which of them are meant; None if all are.
        inside: N x K, which neighbours take part; None if all do.
    """

    images: slice
    centers: torch.Tensor
    neighbors: torch.Tensor
    listed: torch.Tensor | None
    inside: torch.Tensor | None


def pieces(
    boundary: torch.Tensor, valid: torch.Tensor | None, channels: int, room: int, *, static: bool
) -> Iterator[Piece]:
    """Part the boundary voxels into pieces.

    Unless `static`, a piece is of one image: what it gives must not hang, to the last digit, on
    the images beside it, and vector instructions round otherwise than those for the rest of a row.

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
    if static:
        everything = slice(0, len(boundary))
        positions, listed = _static_positions(boundary.view(-1), room)
        for start in range(0, room, size):
            centers = positions[start : start + size]
            neighbors, inside = _neighbors(centers, spatial, valid)
            yield Piece(everything, centers, neighbors, listed[start : start + size], inside)
        return
    for image, mask in enumerate(boundary):
        here = slice(image, image + 1)
        positions = true_positions(mask.view(-1))
        if valid is None:
            interior, positions = split_interior(positions, spatial)
            for start in range(0, len(interior), size):
                centers = interior[start : start + size]
                yield Piece(here, centers, interior_neighbors(centers, spatial), None, None)
        for start in range(0, len(positions), size):
            centers = positions[start : start + size]
            known = None if valid is None else valid[here]
            neighbors, inside = _neighbors(centers, spatial, known)
            yield Piece(here, centers, neighbors, None, inside)


def _static_positions(flat: torch.Tensor, room: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`room` flat indices, among them those of all True voxels, and which those are."""
    rank = flat.cumsum(0)
    slot = torch.where(flat, rank - 1, room).clamp_max(room)
    everywhere = torch.arange(len(flat), device=flat.device)
    positions = everywhere.new_zeros(room + 1).scatter_(0, slot, everywhere)[:room]
    return positions, torch.arange(room, device=flat.device) < rank[-1:]


def _neighbors(
    centers: torch.Tensor, spatial: torch.Size, valid: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Neighbours N x K of any voxels, and which of those take part."""
    neighbors, inside = neighbor_indices(centers, spatial)
    if valid is not None:
        inside &= valid.reshape(-1)[neighbors]
    return neighbors, inside
