"""The active boundary loss in plain differentiable torch, as one would explain it."""

from __future__ import annotations

import math

import torch

from medabl.geometry.neighbors import neighbor_offsets
from medabl.geometry.predicted_boundary import (
    MIN_DIVERGENCE,
    dilate,
    forward_divergence,
    predicted_boundary,
)

# What the released code takes as the distance beyond the edge of the image.
_FAR = 1e5
# Factor by which the released code raises its threshold until few enough pixels pass.
_THRESHOLD_GROWTH = 1.2


def paper_reference(
    log_probs: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    *,
    max_boundary_ratio: float,
    max_distance: float,
    label_smoothing: float,
    detach_neighbors: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the loss over the boundary voxels of each image, and how many there are.

    Args:
        log_probs: B x C x H x W [x D] log-probabilities.
        distance: B x H x W [x D] distance M to the ground-truth boundary.
        valid: B x H x W [x D] bool, or None if all voxels are.
        max_boundary_ratio: largest share of boundary voxels before growing.
        max_distance: theta, the distance from which on the weight is 1.
        label_smoothing: s, what the target leaves to the directions not chosen.
        detach_neighbors: let no gradient flow to the neighbours.

    Returns:
        sums and counts, both of shape B.
    """
    boundary = predicted_boundary(log_probs.detach(), max_boundary_ratio, valid)
    boundary &= (distance > 0) & distance.isfinite()
    centers = boundary.nonzero()
    neighbors, inside = _neighbors(centers, log_probs.shape)
    if valid is not None:
        inside = inside & _at(valid, neighbors)
    has_neighbor = inside.any(1)
    centers, neighbors, inside = (
        centers[has_neighbor],
        neighbors[has_neighbor],
        inside[has_neighbor],
    )

    chosen = _at(distance, neighbors).where(inside, torch.inf).argmin(1)
    divergence = _divergence(log_probs, centers, neighbors, detach_neighbors)
    log_q = divergence.where(inside, -torch.inf).log_softmax(1).where(inside, 0)
    rest = label_smoothing / (inside.shape[1] - 1)
    target = torch.full_like(log_q, rest).scatter_(1, chosen[:, None], 1 - label_smoothing)
    weight = _at(distance, centers[:, None])[:, 0].clamp_max(max_distance) / max_distance
    values = -(target * log_q).sum(1) * weight.to(log_q.dtype)

    image = centers[:, 0]
    sums = values.new_zeros(log_probs.shape[0]).index_add(0, image, values)
    counts = torch.zeros_like(sums).index_add(0, image, torch.ones_like(values))
    return sums, counts


def released_reference(
    log_probs: torch.Tensor,
    distance: torch.Tensor,
    *,
    max_boundary_ratio: float,
    max_distance: float,
    label_smoothing: float,
    detach_neighbors: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Like `paper_reference`, but as the authors' released code has it.

    Args:
        log_probs: B x C x H x W log-probabilities.
        distance: B x H x W distance to the boundary (ignored pixels lie on it).
        max_boundary_ratio: largest share of boundary pixels of the batch before growing.
        max_distance: theta, the distance from which on the weight is 1.
        label_smoothing: s; the target is 1 - s, and s / 8 for every other direction.
        detach_neighbors: let no gradient flow to the neighbours.

    Returns:
        sums and counts, both of shape B; the loss is the total sum over the total count.
    """
    with torch.no_grad():
        score = forward_divergence(log_probs.detach(), sum_axes=True)
        boundary = dilate(score > released_threshold(score, max_boundary_ratio))
        # The authors' distances are stored as integers after one is taken off.
        cut = (distance - 1).clamp_min(0).floor()
        boundary &= distance.isfinite()
    centers = boundary.nonzero()
    neighbors, inside = _neighbors(centers, log_probs.shape)
    around = _at(cut, neighbors).where(inside, _FAR)
    own = _at(cut, centers[:, None])
    chosen = torch.cat([around, own], 1).argmin(1)
    moves = chosen < around.shape[1]
    centers, neighbors, chosen, own = centers[moves], neighbors[moves], chosen[moves], own[moves]

    divergence = _divergence(log_probs, centers, neighbors, detach_neighbors)
    log_q = divergence.log_softmax(1)
    rest = label_smoothing / log_q.shape[1]
    target = torch.full_like(log_q, rest).scatter_(1, chosen[:, None], 1 - label_smoothing)
    weight = own[:, 0].clamp_max(max_distance) / max_distance
    values = -(target * log_q).sum(1) * weight.to(log_q.dtype)

    image = centers[:, 0]
    sums = values.new_zeros(log_probs.shape[0]).index_add(0, image, values)
    counts = torch.zeros_like(sums).index_add(0, image, torch.ones_like(values))
    return sums, counts


def released_threshold(score: torch.Tensor, max_boundary_ratio: float) -> torch.Tensor:
    """First of 1e-5 * 1.2^n that at most ratio * H * W pixels of the whole batch exceed.

    Args:
        score: B x H x W divergences.
        max_boundary_ratio: share of the pixels of *one* image.

    Returns:
        the threshold, a tensor without dimensions.
    """
    steps = [MIN_DIVERGENCE]
    while steps[-1] < torch.finfo(score.dtype).max / _THRESHOLD_GROWTH and len(steps) < 600:
        steps.append(steps[-1] * _THRESHOLD_GROWTH)
    candidates = torch.tensor(steps, dtype=score.dtype, device=score.device)
    allowed = math.floor(score[0].numel() * max_boundary_ratio)
    if allowed >= score.numel():
        return candidates[0]
    largest_not_passing = score.flatten().topk(allowed + 1).values[-1]
    return candidates[torch.searchsorted(candidates, largest_not_passing)]


def _neighbors(centers: torch.Tensor, shape: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices K x N x (1 + dims) of the neighbours, clamped to the image, and which were inside."""
    offsets = torch.tensor(
        [(0, *offset) for offset in neighbor_offsets(len(shape) - 2)], device=centers.device
    )
    limits = torch.tensor([shape[0], *shape[2:]], device=centers.device) - 1
    wanted = centers[:, None] + offsets
    clamped = wanted.clamp_min(0).minimum(limits)
    return clamped, (clamped == wanted).all(-1)


def _at(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """`values` (B x H x W [x D]) at K x N x (1 + dims) indices."""
    return values[index.unbind(-1)]


def _divergence(
    log_probs: torch.Tensor, centers: torch.Tensor, neighbors: torch.Tensor, detach: bool
) -> torch.Tensor:
    """KL(P_n || P_i) of every centre i and neighbour n, K x N."""
    channels_last = log_probs.movedim(1, -1)
    here = _at(channels_last, centers[:, None])
    there = _at(channels_last.detach() if detach else channels_last, neighbors)
    return (there.exp() * (there - here)).sum(-1)
