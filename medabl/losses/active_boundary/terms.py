"""Value and gradient of the active boundary loss at every boundary voxel, without autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

from medabl.geometry.divergence import forward_divergence
from medabl.geometry.label_boundaries import label_boundary
from medabl.geometry.neighbors import interior_neighbors, neighbor_indices, split_interior
from medabl.geometry.predicted_boundaries import (
    boundary_seeds,
    dilate,
    released_threshold,
    true_positions,
    widest_float,
)
from medabl.losses.active_boundary.settings import (
    Settings,
    boundary_capacity,
    gradient_capacity,
)
from medabl.losses.active_boundary.steps import aim_at_boundary, binary_step, multiclass_step
from medabl.losses.tensors import finite_logits

# Values worked on at once: what the cache of a core holds, or a part of a GPU's memory.
_CHUNK_VALUES = {False: 2**18, True: 2**25}


class Terms(NamedTuple):
    """The loss of every image, and its gradient where it is not zero.

    Attributes:
        sums: B, the sum of the loss over the boundary voxels of each image.
        counts: B, how many those are.
        positions: flat indices into B x H x W [x D]; the first `used` of them count, and one may
            occur more than once.
        rows: the gradient of `sums` with respect to the logits at those positions, a column
            a channel, or a single one for the difference of two.
        used: int64 tensor of one value.
    """

    sums: torch.Tensor
    counts: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    used: torch.Tensor


def active_boundary_terms(
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    *,
    static: bool,
) -> Terms:
    """Take the loss and its gradient.

    Only the boundary voxels and their neighbours are looked at once the boundary is found.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.
        static: all shapes are known beforehand and nothing waits for a device; False is faster,
            on the CPU.

    Returns:
        sums, counts and the sparse gradient.
    """
    logits = comparable_logits(logits, static=static)
    if settings.released:
        valid = None
    score = forward_divergence(logits, valid, sum_axes=settings.released, static=static)
    seeds = predicted_seeds(score, logits, distance, valid, settings, static=static)
    boundary = _boundary(seeds, distance, valid, settings, static)
    positions, listed = _positions(boundary, boundary_capacity(logits.shape, settings), static)
    distance = distance.reshape(-1)

    sums = logits.new_zeros(logits.shape[0], dtype=widest_float(logits))
    counts = torch.zeros_like(sums, dtype=torch.int64)
    room = gradient_capacity(logits.shape, settings)
    out_positions = positions.new_zeros(room)
    rows = logits.new_empty((room, logits.shape[1]))
    used = 0
    for centers, keep, neighbors, inside in _chunks(positions, listed, logits.shape, valid, static):
        aim = aim_at_boundary(distance, centers, neighbors, inside, settings)
        if keep is not None:
            counted = keep if aim.counts is None else aim.counts & keep
            aim = aim._replace(weight=aim.weight * keep, counts=counted)
        if logits.shape[1] == 1:
            values, parts = binary_step(logits, centers, neighbors, aim, settings)
        else:
            values, parts = multiclass_step(
                logits, centers, neighbors, aim, settings, static=static
            )
        image = centers.div(math.prod(logits.shape[2:]), rounding_mode="floor")
        sums.index_add_(0, image, values.to(sums.dtype))
        ones = torch.ones_like(image) if aim.counts is None else aim.counts.long()
        counts.index_add_(0, image, ones)
        for where, gradient in parts:
            out_positions[used : used + len(where)] = where
            rows[used : used + len(where)] = gradient
            used += len(where)
    sums = sums.to(logits.dtype) + diverged(score)
    return Terms(sums, counts, out_positions, rows, torch.full((1,), used, device=logits.device))


def comparable_logits(logits: torch.Tensor, *, static: bool) -> torch.Tensor:
    """Contiguous logits, none of them infinite, with the difference in place of two channels."""

    def fold(values: torch.Tensor) -> torch.Tensor:
        return values[:, 1:] - values[:, :1] if values.shape[1] == 2 else values

    if static:
        return fold(finite_logits(logits)).contiguous()
    folded = fold(logits)
    # A sum is finite only if all that it adds up is, and costs less than looking for the infinite.
    if not folded.sum().isfinite():
        folded = fold(finite_logits(logits))
    return folded.contiguous()


def diverged(score: torch.Tensor) -> torch.Tensor:
    """NaN for each image in whose divergences there is one, else 0."""
    if score.numel() == 0:
        return score.new_zeros(score.shape[0])
    # The largest is NaN if any is, and finite otherwise.
    largest = score.flatten(1).amax(1)
    return largest - largest


def _chunks(
    positions: torch.Tensor,
    listed: torch.Tensor | None,
    shape: torch.Size,
    valid: torch.Tensor | None,
    static: bool,
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor | None]]:
    """Part the boundary voxels into pieces; a piece without edges needs no masks.

    Yields:
        K positions, which of them are meant (None: all), their neighbours N x K, and which of
        those take part (None: all).
    """
    spatial = shape[2:]
    size = max(1, _CHUNK_VALUES[static] // (3 ** len(spatial) * shape[1]))
    if listed is None and valid is None:
        interior, positions = split_interior(positions, spatial)
        for start in range(0, len(interior), size):
            centers = interior[start : start + size]
            yield centers, None, interior_neighbors(centers, spatial), None
    for start in range(0, len(positions), size):
        centers = positions[start : start + size]
        neighbors, inside = neighbor_indices(centers, spatial)
        if valid is not None:
            inside &= valid.reshape(-1)[neighbors]
        yield centers, None if listed is None else listed[start : start + size], neighbors, inside


def _boundary(
    seeds: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    static: bool,
) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted boundary, where the loss can be taken."""
    boundary = dilate(seeds, static=static)
    boundary &= distance < torch.inf
    if not settings.released:
        boundary &= distance > 0
    if settings.reach < math.inf:
        boundary &= distance <= settings.reach
    if valid is not None:
        boundary &= valid
    return boundary


def predicted_seeds(
    score: torch.Tensor,
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    *,
    static: bool,
) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted boundary before it is dilated."""
    if settings.released:
        return score > released_threshold(score, settings.max_boundary_ratio, static=static)
    if settings.class_change:
        score = score * _class_changes(logits, valid)
    allowed = None
    if settings.boundary_factor:
        true = (distance == 0).flatten(1).sum(1, keepdim=True)
        allowed = (true.to(widest_float(score)) * settings.boundary_factor).long().clamp_min(1)
    return boundary_seeds(
        score,
        settings.max_boundary_ratio,
        static=static,
        allowed=allowed,
        min_divergence=settings.min_divergence,
    )


def _class_changes(logits: torch.Tensor, valid: torch.Tensor | None) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted class differs from that of a forward neighbour."""
    classes = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
    if valid is None:
        return label_boundary(classes[:, None])[:, 0]
    return label_boundary(classes.long().where(valid, -1)[:, None], ignore_index=-1)[:, 0]


def _positions(
    boundary: torch.Tensor, room: int, static: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Flat indices of the True voxels; if `static`, `room` of them, and which are meant."""
    flat = boundary.view(-1)
    if not static:
        return true_positions(flat), None
    rank = flat.cumsum(0)
    slot = torch.where(flat, rank - 1, room).clamp_max(room)
    everywhere = torch.arange(len(flat), device=flat.device)
    positions = everywhere.new_zeros(room + 1).scatter_(0, slot, everywhere)[:room]
    return positions, torch.arange(room, device=flat.device) < rank[-1:]
