"""Value and gradient of the active boundary loss at every boundary voxel, without autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

from medabl.geometry.neighbors import interior_neighbors, neighbor_indices, split_interior
from medabl.geometry.predicted_boundaries import (
    dilate,
    forward_divergence,
    image_threshold,
    released_threshold,
    true_positions,
)

# What the released code takes as the distance beyond the edge of the image.
_FAR = 1e5
# Values worked on at once: what the cache of a core holds, or a part of a GPU's memory.
_CHUNK_VALUES = {"cpu": 2**18, "cuda": 2**25}


class Settings(NamedTuple):
    """What the loss depends on besides its tensors; see `ActiveBoundaryLoss`."""

    max_boundary_ratio: float
    max_distance: float
    label_smoothing: float
    detach_neighbors: bool
    released: bool


class Terms(NamedTuple):
    """The loss of every image, and its gradient where it is not zero.

    Attributes:
        sums: B, the sum of the loss over the boundary voxels of each image.
        counts: B, how many those are.
        positions: flat indices into B x H x W [x D]; the first `used` of them count, and one may
            occur more than once.
        rows: the gradient of `sums` with respect to the C logits at those positions.
        used: int64 tensor of one value.
    """

    sums: torch.Tensor
    counts: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    used: torch.Tensor


class _Aim(NamedTuple):
    """Where K boundary voxels are to move.

    Attributes:
        nearest: K, the direction chosen.
        inside: N x K, which neighbours take part; None if all do.
        weight: K, min(M, theta) / theta; 0 for voxels that do not count.
        counts: K, which voxels count; None if all do.
        chosen, rest: what the target gives to the direction chosen and to each of the others.
    """

    nearest: torch.Tensor
    inside: torch.Tensor | None
    weight: torch.Tensor
    counts: torch.Tensor | None
    chosen: float
    rest: float


def capacity(shape: torch.Size, settings: Settings) -> int:
    """Most positions that `active_boundary_terms` can give for logits of this shape."""
    voxels = math.prod(shape[2:])
    grown = 3 ** (len(shape) - 2) * math.floor(voxels * settings.max_boundary_ratio)
    boundary = min(grown, shape[0] * voxels) if settings.released else shape[0] * min(grown, voxels)
    return boundary if settings.detach_neighbors else boundary * 3 ** (len(shape) - 2)


def active_boundary_terms(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> Terms:
    """Take the loss and its gradient.

    Only the boundary voxels and their neighbours are looked at once the boundary is found. Off
    the CPU all shapes are static and nothing waits for the device.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        sums, counts and the sparse gradient.
    """
    logits = logits.contiguous()
    spatial = logits.shape[2:]
    if settings.released:
        valid = None
    boundary = _boundary(logits, distance, valid, settings)
    positions, listed = _positions(boundary, capacity(logits.shape, settings))
    distance = distance.reshape(-1)

    sums = logits.new_zeros(logits.shape[0], dtype=torch.float64)
    counts = torch.zeros_like(sums, dtype=torch.int64)
    room = capacity(logits.shape, settings)
    out_positions = positions.new_zeros(room)
    rows = logits.new_empty((room, logits.shape[1]))
    used = 0
    step = _binary_step if logits.shape[1] == 1 else _multiclass_step
    for centers, keep, neighbors, inside in _chunks(positions, listed, logits.shape, valid):
        aim = _aim(distance, centers, neighbors, inside, settings)
        if keep is not None:
            counted = keep if aim.counts is None else aim.counts & keep
            aim = aim._replace(weight=aim.weight * keep, counts=counted)
        values, parts = step(logits, centers, neighbors, aim, settings.detach_neighbors)
        image = centers.div(math.prod(spatial), rounding_mode="floor")
        sums.index_add_(0, image, values.double())
        ones = torch.ones_like(image) if aim.counts is None else aim.counts.long()
        counts.index_add_(0, image, ones)
        for where, gradient in parts:
            out_positions[used : used + len(where)] = where
            rows[used : used + len(where)] = gradient
            used += len(where)
    used_tensor = torch.full((1,), used, device=logits.device)
    return Terms(sums.to(logits.dtype), counts, out_positions, rows, used_tensor)


def _chunks(
    positions: torch.Tensor,
    listed: torch.Tensor | None,
    shape: torch.Size,
    valid: torch.Tensor | None,
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor | None]]:
    """Part the boundary voxels into pieces; a piece without edges needs no masks.

    Yields:
        K positions, which of them are meant (None: all), their neighbours N x K, and which of
        those take part (None: all).
    """
    spatial = shape[2:]
    size = max(1, _CHUNK_VALUES[positions.device.type] // (3 ** len(spatial) * shape[1]))
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
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted boundary, where the loss can be taken."""
    score = forward_divergence(logits, valid, sum_axes=settings.released)
    if settings.released:
        threshold = released_threshold(score, settings.max_boundary_ratio)
    else:
        threshold = image_threshold(score, settings.max_boundary_ratio)
    boundary = dilate(score > threshold.view(-1, *[1] * (score.ndim - 1)))
    boundary &= distance < torch.inf
    if not settings.released:
        boundary &= distance > 0
    if valid is not None:
        boundary &= valid
    return boundary


def _positions(boundary: torch.Tensor, room: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Flat indices of the True voxels; off the CPU `room` of them, and which are meant."""
    flat = boundary.view(-1)
    if flat.device.type == "cpu":
        return true_positions(flat), None
    rank = flat.cumsum(0)
    slot = torch.where(flat, rank - 1, room).clamp_max(room)
    everywhere = torch.arange(len(flat), device=flat.device)
    positions = everywhere.new_zeros(room + 1).scatter_(0, slot, everywhere)[:room]
    return positions, torch.arange(room, device=flat.device) < rank[-1]


def _aim(
    distance: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    inside: torch.Tensor | None,
    settings: Settings,
) -> _Aim:
    around = distance.index_select(0, neighbors.view(-1)).view_as(neighbors)
    own = distance.index_select(0, centers)
    counts = None
    if settings.released:
        # The authors' distances are stored as integers after one is taken off.
        around = (around - 1).clamp_min_(0).floor_()
        own = (own - 1).clamp_min_(0).floor_()
        if inside is not None:
            around.masked_fill_(~inside, _FAR)
        least, nearest = around.min(0)
        counts, inside = own >= least, None
        rest = settings.label_smoothing / len(neighbors)
    else:
        if inside is not None:
            around.masked_fill_(~inside, torch.inf)
            counts = inside.any(0)
            # A voxel without neighbours does not count; this only keeps it from giving NaN.
            inside = inside | ~counts
        nearest = around.min(0).indices
        rest = settings.label_smoothing / (len(neighbors) - 1)
    weight = own.clamp_max_(settings.max_distance).div_(settings.max_distance)
    if counts is not None:
        weight *= counts
    return _Aim(nearest, inside, weight, counts, 1 - settings.label_smoothing, rest)


def _cross_entropy(divergence: torch.Tensor, aim: _Aim) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted cross-entropy of K voxels, and its gradient towards the N x K divergences."""
    weight = aim.weight.to(divergence.dtype)
    nearest = aim.nearest[None]
    extra = aim.chosen - aim.rest
    if aim.inside is not None:
        divergence = divergence.masked_fill(~aim.inside, -torch.inf)
    log_q = divergence.log_softmax(0)
    gradient = log_q.exp()
    if aim.inside is None:
        gradient.mul_(aim.chosen + (len(divergence) - 1) * aim.rest).sub_(aim.rest)
    else:
        log_q.masked_fill_(~aim.inside, 0)
        rest = aim.inside.to(gradient.dtype) * aim.rest
        gradient.mul_(rest.sum(0) + extra).sub_(rest)
    gradient.scatter_add_(0, nearest, log_q.new_full(nearest.shape, -extra))
    gradient.mul_(weight)
    values = log_q.sum(0).mul_(aim.rest).add_(log_q.gather(0, nearest)[0], alpha=extra)
    return values.mul_(-weight), gradient


_Parts = list[tuple[torch.Tensor, torch.Tensor]]


def _binary_step(
    logits: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    aim: _Aim,
    detach_neighbors: bool,
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from one logit x a voxel (P = [1 - p, p]).

    With r_n the probability, at n, of the class that i does not predict, and H_n the negative
    entropy of P_n, KL(P_n || P_i) is H_n + r_n |x_i| up to a term that is the same for all n, and
    thus drops out of the softmax over n.
    """
    flat = logits.view(-1)
    here = flat.index_select(0, centers)
    there = flat.index_select(0, neighbors.view(-1)).view_as(neighbors)
    sign = torch.ones_like(here).copysign_(here)
    size = there.abs()
    small = size.neg().exp_()
    minor = small / (small + 1)
    other = (there * -sign).sigmoid_()
    divergence = (other * here.abs()).sub_(torch.log1p(small)).sub_(size.mul_(minor))
    values, gradient = _cross_entropy(divergence, aim)
    parts = [(centers, ((gradient * other).sum(0) * sign)[:, None])]
    if not detach_neighbors:
        towards = gradient * minor * (1 - minor) * (there - here)
        parts.append((neighbors.view(-1), towards.view(-1, 1)))
    return values, parts


def _multiclass_step(
    logits: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    aim: _Aim,
    detach_neighbors: bool,
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from C logits a voxel."""
    rows, order = _log_prob_rows(logits, centers, neighbors)
    center_rows, neighbor_rows = order
    probs = rows.exp()
    entropy = (probs * rows).sum(1)
    log_here = rows.index_select(0, center_rows)
    shape = (len(centers), len(neighbors), logits.shape[1])
    there = probs.index_select(0, neighbor_rows.view(-1)).view(shape)
    cross = (there * log_here[:, None]).sum(2)
    divergence = entropy.index_select(0, neighbor_rows.view(-1)).view(shape[:2]) - cross
    values, gradient = _cross_entropy(divergence.t().contiguous(), aim)
    steps = gradient.t()[..., None]
    parts = [(centers, -(there * steps).sum(1))]
    if not detach_neighbors:
        log_there = rows.index_select(0, neighbor_rows.view(-1)).view(shape)
        towards = there * (log_there - log_here[:, None] - divergence[..., None]) * steps
        parts.append((neighbors.t().reshape(-1), towards.view(-1, shape[2])))
    return values, parts


def _log_prob_rows(
    logits: torch.Tensor, centers: torch.Tensor, neighbors: torch.Tensor
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Log-probabilities of the voxels needed, U x C, and the rows of centres and neighbours.

    Neighbours come as K x N. On the CPU a voxel that is needed often occurs once.
    """
    around = neighbors.t().contiguous()
    if logits.device.type != "cpu":
        needed = torch.cat([centers, around.view(-1)])
        index = torch.arange(len(needed), device=needed.device)
        order = (index[: len(centers)], index[len(centers) :].view_as(around))
    else:
        first = around.min()
        mask = torch.zeros(int(around.max() - first) + 1, dtype=torch.bool)
        mask[around.view(-1) - first] = True
        mask[centers - first] = True
        needed = mask.nonzero()[:, 0] + first
        rank = mask.cumsum(0) - 1
        order = (rank[centers - first], rank[around - first])
    channels, voxels = logits.shape[1], math.prod(logits.shape[2:])
    start = needed + needed.div(voxels, rounding_mode="floor") * ((channels - 1) * voxels)
    columns = logits.new_empty((channels, len(needed)))
    flat = logits.view(-1)
    for channel in range(channels):
        torch.index_select(flat, 0, start + channel * voxels, out=columns[channel])
    return columns.log_softmax(0).t().contiguous(), order
