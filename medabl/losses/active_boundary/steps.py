"""The loss of given boundary voxels and its gradient, worked out by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from medabl.losses.active_boundary.settings import Settings

# What the released code takes as the distance beyond the edge of the image.
_FAR = 1e5
# Distances in mm that are equal may differ in their last digit.
_EQUALLY_NEAR = 1 + 1e-5


class Aim(NamedTuple):
    """Where K boundary voxels are to move.

    Attributes:
        nearest: K, the direction chosen.
        share: N x K, what each direction has of the choice where equally near neighbours share
            it; None if `nearest` has it all.
        inside: N x K, which neighbours take part; None if all do.
        weight: K, min(M, theta) / theta; 0 for voxels that do not count.
        counts: K, which voxels count; None if all do.
        chosen, rest: what the target gives to the direction chosen and to each of the others.
    """

    nearest: torch.Tensor
    share: torch.Tensor | None
    inside: torch.Tensor | None
    weight: torch.Tensor
    counts: torch.Tensor | None
    chosen: float
    rest: float


def aim_at_boundary(
    distance: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    inside: torch.Tensor | None,
    settings: Settings,
) -> Aim:
    """Send each of K voxels to the neighbour nearest to the true boundary, among N x K."""
    around = distance.index_select(0, neighbors.view(-1)).view_as(neighbors)
    own = distance.index_select(0, centers)
    counts = share = None
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
        least, nearest = around.min(0)
        if settings.share_ties:
            nearest_ones = (around <= least * _EQUALLY_NEAR).to(around.dtype)
            share = nearest_ones / nearest_ones.sum(0)
        rest = settings.label_smoothing / (len(neighbors) - 1)
    weight = own.clamp_max_(settings.max_distance).div_(settings.max_distance)
    if counts is not None:
        weight *= counts
    return Aim(nearest, share, inside, weight, counts, 1 - settings.label_smoothing, rest)


def _cross_entropy(divergence: torch.Tensor, aim: Aim) -> tuple[torch.Tensor, torch.Tensor]:
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
    if aim.share is None:
        gradient.scatter_add_(0, nearest, log_q.new_full(nearest.shape, -extra))
        chosen = log_q.gather(0, nearest)[0]
    else:
        share = aim.share.to(gradient.dtype)
        gradient.sub_(share, alpha=extra)
        chosen = (log_q * share).sum(0)
    gradient.mul_(weight)
    values = log_q.sum(0).mul_(aim.rest).add_(chosen, alpha=extra)
    return values.mul_(-weight), gradient


_Parts = list[tuple[torch.Tensor, torch.Tensor]]


def binary_step(
    logits: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    aim: Aim,
    settings: Settings,
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
    if not settings.detach_neighbors:
        towards = gradient * minor * (1 - minor) * (there - here)
        parts.append((neighbors.view(-1), towards.view(-1, 1)))
    return values, parts


def multiclass_step(
    logits: torch.Tensor,
    centers: torch.Tensor,
    neighbors: torch.Tensor,
    aim: Aim,
    settings: Settings,
    *,
    static: bool,
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from C logits a voxel."""
    rows, (center_rows, neighbor_rows) = _log_prob_rows(logits, centers, neighbors, static)
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
    if not settings.detach_neighbors:
        log_there = rows.index_select(0, neighbor_rows.view(-1)).view(shape)
        towards = there * (log_there - log_here[:, None] - divergence[..., None]) * steps
        parts.append((neighbors.t().reshape(-1), towards.view(-1, shape[2])))
    return values, parts


def _log_prob_rows(
    logits: torch.Tensor, centers: torch.Tensor, neighbors: torch.Tensor, static: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Log-probabilities of the voxels needed, U x C, and the rows of centres and neighbours.

    Neighbours come as K x N. Unless `static`, a voxel that is needed often occurs once.
    """
    around = neighbors.t().contiguous()
    if static:
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
