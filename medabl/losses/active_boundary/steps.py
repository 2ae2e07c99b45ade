"""The loss of given boundary voxels and its gradient, worked out by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from medabl.geometry.predicted_boundaries import true_positions
from medabl.losses.active_boundary.pieces import Piece
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


def aim_at_boundary(distance: torch.Tensor, piece: Piece, settings: Settings) -> Aim:
    """Send each voxel of a piece to its neighbour nearest to the true boundary."""
    neighbors, inside = piece.neighbors, piece.inside
    around = distance.index_select(0, neighbors.view(-1)).view_as(neighbors)
    own = distance.index_select(0, piece.centers)
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
    if piece.listed is not None:
        counts = piece.listed if counts is None else counts & piece.listed
    weight = own.clamp_max_(settings.max_distance).div_(settings.max_distance)
    if counts is not None:
        weight *= counts
    return Aim(nearest, share, inside, weight, counts, 1 - settings.label_smoothing, rest)


def _cross_entropy(divergence: torch.Tensor, aim: Aim) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted cross-entropy of K voxels, and its gradient towards the N x K divergences."""
    weight = aim.weight.to(divergence.dtype)
    rest, extra = weight * aim.rest, weight * (aim.chosen - aim.rest)
    if aim.inside is not None:
        divergence = divergence.masked_fill(~aim.inside, -torch.inf)
    divergence = divergence - divergence.amax(0)
    odds = divergence.exp()
    total = odds.sum(0)
    if aim.inside is None:
        given = rest * len(divergence) + extra
        gradient = odds.mul_(given / total).sub_(rest)
    else:
        divergence.masked_fill_(~aim.inside, 0)
        given = rest * aim.inside.sum(0) + extra
        gradient = odds.mul_(given / total).sub_(rest * aim.inside)
    if aim.share is None:
        nearest = aim.nearest[None]
        gradient.scatter_add_(0, nearest, -extra[None])
        chosen = divergence.gather(0, nearest)[0]
    else:
        share = aim.share.to(gradient.dtype)
        gradient.sub_(share * extra)
        chosen = (divergence * share).sum(0)
    values = total.log_() * given - divergence.sum(0) * rest - chosen * extra
    return values, gradient


_Parts = list[tuple[torch.Tensor, torch.Tensor]]


def binary_step(
    logits: torch.Tensor, piece: Piece, aim: Aim, settings: Settings
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from one logit x a voxel (P = [1 - p, p]).

    With r_n the probability, at n, of the class that i does not predict, and H_n the negative
    entropy of P_n, KL(P_n || P_i) is H_n + r_n |x_i| up to a term that is the same for all n, and
    thus drops out of the softmax over n.
    """
    flat, neighbors = logits.view(-1), piece.neighbors
    here = flat.index_select(0, piece.centers)
    there = flat.index_select(0, neighbors.view(-1)).view_as(neighbors)
    sign = torch.ones_like(here).copysign_(here)
    size = there.abs()
    small = size.neg().exp_()
    minor = small / (small + 1)
    other = (there * -sign).sigmoid_()
    divergence = (other * here.abs()).sub_(torch.log1p(small)).sub_(size.mul_(minor))
    values, gradient = _cross_entropy(divergence, aim)
    parts = [(piece.centers, ((gradient * other).sum(0) * sign)[None])]
    if not settings.detach_neighbors:
        towards = gradient * minor * (1 - minor) * (there - here)
        parts.append((neighbors.view(-1), towards.view(1, -1)))
    return values, parts


def multiclass_step(
    logits: torch.Tensor, piece: Piece, aim: Aim, settings: Settings, *, static: bool
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from C logits a voxel.

    Class by class, since sums over a last axis as short as C cost more than all the rest.
    """
    log_probs, centers, neighbors = _log_probs(logits, piece, static)
    probs = log_probs.exp()

    def around(of_voxels: torch.Tensor) -> torch.Tensor:
        return of_voxels.index_select(0, neighbors.view(-1)).view_as(neighbors)

    there = [around(of_class) for of_class in probs]
    here = [of_class.index_select(0, centers) for of_class in log_probs]
    divergence = around((probs * log_probs).sum(0))
    for of_class, log_here in zip(there, here, strict=True):
        divergence.addcmul_(of_class, log_here, value=-1)
    values, gradient = _cross_entropy(divergence, aim)
    parts = [(piece.centers, torch.stack([-(of_class * gradient).sum(0) for of_class in there]))]
    if not settings.detach_neighbors:
        towards = [
            of_class * (around(log_there) - log_here - divergence) * gradient
            for of_class, log_there, log_here in zip(there, log_probs, here, strict=True)
        ]
        parts.append((piece.neighbors.view(-1), torch.stack(towards).flatten(1)))
    return values, parts


def _log_probs(
    logits: torch.Tensor, piece: Piece, static: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-probabilities of the voxels needed, C x U, and where centres and neighbours are in them.

    Unless `static`, `logits` are those of one image, and a voxel that is needed often occurs once;
    where most are needed, all from the first to the last are taken.
    """
    channels, voxels = logits.shape[1], math.prod(logits.shape[2:])
    centers, neighbors = piece.centers, piece.neighbors
    if static:
        needed = torch.cat([centers, neighbors.view(-1)])
        index = torch.arange(len(needed), device=needed.device)
        centers, neighbors = index[: len(centers)], index[len(centers) :].view_as(neighbors)
    else:
        first, last = (int(end) for end in neighbors.aminmax())
        first, last = min(first, int(centers[0])), max(last, int(centers[-1])) + 1
        centers, neighbors = centers - first, neighbors - first
        if 2 * (last - first) < neighbors.numel():
            columns = logits.view(channels, -1)[:, first:last]
            return columns.log_softmax(0), centers, neighbors
        mask = torch.zeros(last - first, dtype=torch.bool)
        for places in (centers, neighbors.view(-1)):
            mask.numpy()[places.numpy()] = True
        needed = true_positions(mask) + first
        rank = mask.cumsum(0) - 1
        centers, neighbors = rank[centers], rank[neighbors]
    start = needed + needed.div(voxels, rounding_mode="floor") * ((channels - 1) * voxels)
    columns = logits.new_empty((channels, len(needed)))
    for channel, column in enumerate(columns):
        torch.index_select(logits.view(-1), 0, start + channel * voxels, out=column)
    return columns.log_softmax(0), centers, neighbors
