"""The loss of given boundary voxels and its gradient, worked out by hand."""

from __future__ import annotations

from typing import NamedTuple

import torch

from medabl.geometry.predicted_boundaries import dilate, true_positions
from medabl.losses.active_boundary.pieces import Piece
from medabl.losses.active_boundary.settings import Settings

# What the released code takes as the distance beyond the edge of the image.
_FAR = 1e5
# The share of boundary voxels below which a softmax of them and their neighbours alone is quicker.
_FEW = 0.1
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


class Prediction(NamedTuple):
    """What B images of V voxels are predicted to be.

    Attributes:
        probs: for each of C classes, flat, where its own begin in B x C x V.
        log_probs: likewise.
        entropy: flat, of B x V: the sum of P log P.
        shape: B, C, V.
        ranks: of all voxels of the one image, which of the V they are; None if V are all.
    """

    probs: list[torch.Tensor]
    log_probs: list[torch.Tensor]
    entropy: torch.Tensor
    shape: torch.Size
    ranks: torch.Tensor | None


def predict(logits: torch.Tensor, boundary: torch.Tensor, *, static: bool) -> Prediction:
    """Probabilities from B x C x ... logits, at least of the boundary voxels and their neighbours.

    Unless `static`, B is 1, and where those are few, no others are worked on.
    """
    flat, ranks = logits.flatten(2), None
    if not static and boundary.sum() < _FEW * boundary.numel():
        needed = dilate(boundary).view(-1)
        positions = true_positions(needed)
        flat = torch.stack([of_class.index_select(0, positions) for of_class in flat[0]])[None]
        ranks = needed.cumsum(0) - 1
    log_probs = flat.log_softmax(1)
    probs = log_probs.exp()
    entropy = torch.zeros_like(probs[:, 0])
    for of_class, log_of_class in zip(probs.unbind(1), log_probs.unbind(1), strict=True):
        entropy.addcmul_(of_class, log_of_class)
    starts = range(0, probs.shape[1] * probs.shape[2], probs.shape[2])
    return Prediction(
        [probs.view(-1)[start:] for start in starts],
        [log_probs.view(-1)[start:] for start in starts],
        entropy.view(-1),
        probs.shape,
        ranks,
    )


def multiclass_step(
    predicted: Prediction, piece: Piece, aim: Aim, settings: Settings
) -> tuple[torch.Tensor, _Parts]:
    """Loss of K voxels and its gradient, from C classes a voxel.

    Class by class, since sums over a last axis as short as C cost more than all the rest.
    """
    images, channels, voxels = predicted.shape
    at_center, around = piece.centers, piece.neighbors.reshape(-1)
    if predicted.ranks is not None:
        at_center, around = (predicted.ranks.index_select(0, x) for x in (at_center, around))
    divergence = predicted.entropy.index_select(0, around).view_as(piece.neighbors)
    if images > 1:  # from B x V to the first class in B x C x V
        at_center, around = (
            places + places.div(voxels, rounding_mode="floor") * ((channels - 1) * voxels)
            for places in (at_center, around)
        )
    there = [of_class.index_select(0, around).view_as(divergence) for of_class in predicted.probs]
    here = [log_of_class.index_select(0, at_center) for log_of_class in predicted.log_probs]
    for of_class, log_here in zip(there, here, strict=True):
        divergence.addcmul_(of_class, log_here, value=-1)
    values, gradient = _cross_entropy(divergence, aim)
    parts = []
    if not settings.detach_neighbors:
        log_there = [x.index_select(0, around).view_as(divergence) for x in predicted.log_probs]
        towards = [
            of_class * (log_of_class - log_here - divergence) * gradient
            for of_class, log_of_class, log_here in zip(there, log_there, here, strict=True)
        ]
        parts.append((piece.neighbors.view(-1), torch.stack(towards).flatten(1)))
    own = torch.stack([of_class.mul_(gradient).sum(0) for of_class in there]).neg_()
    return values, [(piece.centers, own), *parts]
