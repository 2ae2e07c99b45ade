"""The active boundary loss in plain differentiable torch, to read and to test the fast ones by."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from medabl.geometry.neighbors import neighbor_offsets
from medabl.losses.active_boundary.settings import Settings


def active_boundary_reference(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the operators of `medabl.losses.active_boundary.op` add up, step by step.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance M to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        the sum of the loss over the boundary voxels of each image, and how many there are.
    """
    logits = logits.nan_to_num(nan=torch.nan, posinf=1e4, neginf=-1e4)
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], 1)
    log_probs = logits.log_softmax(1)
    if valid is None or settings.released:
        valid = torch.ones_like(distance, dtype=torch.bool)

    score = _score(log_probs.detach(), valid, settings)
    passing = score * _class_changes(log_probs, valid) if settings.class_change else score
    seeds = _seeds(passing, (distance == 0).flatten(1).sum(1).tolist(), settings)
    boundary = _dilate(seeds) & valid & distance.isfinite() & (distance <= settings.reach)
    if not settings.released:
        boundary &= distance > 0
    centers = boundary.nonzero()
    neighbors, inside = _neighbors(centers, distance.shape)

    if settings.released:
        # The authors store distances as integers, after taking one off.
        distance = (distance - 1).clamp_min(0).floor()
        around = _at(distance, neighbors).where(inside, 1e5)
        own = _at(distance, centers[:, None])
        chosen = torch.cat([around, own], 1).argmin(1)
        kept = chosen < neighbors.shape[1]
        inside = torch.ones_like(inside)
        rest = settings.label_smoothing / neighbors.shape[1]
    else:
        inside &= _at(valid, neighbors)
        chosen = _at(distance, neighbors).where(inside, torch.inf).argmin(1)
        kept = inside.any(1)
        rest = settings.label_smoothing / (neighbors.shape[1] - 1)
    centers, neighbors, inside, chosen = (
        part[kept] for part in (centers, neighbors, inside, chosen)
    )

    channels_last = log_probs.movedim(1, -1)
    here = _at(channels_last, centers[:, None])
    there = _at(channels_last, neighbors)
    if settings.detach_neighbors:
        there = there.detach()
    divergence = (there.exp() * (there - here)).sum(-1)
    log_q = divergence.where(inside, -torch.inf).log_softmax(1).where(inside, 0)
    target = torch.full_like(log_q, rest)
    if settings.share_ties:
        around = _at(distance, neighbors).where(inside, torch.inf)
        nearest = around <= around.amin(1, keepdim=True) * (1 + 1e-5)
        target += nearest / nearest.sum(1, keepdim=True) * (1 - settings.label_smoothing - rest)
    else:
        target.scatter_(1, chosen[:, None], 1 - settings.label_smoothing)
    theta = settings.max_distance
    weight = _at(distance, centers[:, None])[:, 0].clamp_max(theta) / theta
    values = -(target * log_q).sum(1) * weight.to(log_q.dtype)

    image = centers[:, 0]
    sums = values.new_zeros(len(logits)).index_add(0, image, values)
    diverged = score.isnan().flatten(1).any(1)
    return sums.where(~diverged, torch.nan), torch.bincount(image, minlength=len(logits))


def _score(log_probs: torch.Tensor, valid: torch.Tensor, settings: Settings) -> torch.Tensor:
    """KL to the forward neighbours: the largest over the axes, or, as released, their sum."""
    score = torch.zeros_like(log_probs[:, 0])
    for axis in range(1, score.ndim):
        last = score.shape[axis] - 1
        here, ahead = log_probs.narrow(axis + 1, 0, last), log_probs.narrow(axis + 1, 1, last)
        pair = valid.narrow(axis, 0, last) & valid.narrow(axis, 1, last)
        divergence = (here.exp() * (here - ahead)).sum(1).where(pair, 0)
        part = score.narrow(axis, 0, last)
        part.copy_(part + divergence if settings.released else part.maximum(divergence))
    return score


def _class_changes(log_probs: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Voxels whose most probable class differs from that of a forward neighbour."""
    classes = log_probs.argmax(1)
    changes = torch.zeros_like(valid)
    for axis in range(1, valid.ndim):
        ahead, known = classes.roll(-1, axis), valid & valid.roll(-1, axis)
        known.select(axis, -1).fill_(False)
        changes |= known & (ahead != classes)
    return changes


def _seeds(score: torch.Tensor, true_voxels: list[int], settings: Settings) -> torch.Tensor:
    """Voxels whose score exceeds the threshold of their image, shaped as `score`."""
    voxels = score[0].numel()
    if settings.released:
        threshold = 1e-5
        while (score > threshold).sum() > voxels * settings.max_boundary_ratio:
            threshold *= 1.2
        return score > threshold
    seeds = torch.zeros_like(score, dtype=torch.bool)
    for values, passed, true in zip(score.flatten(1), seeds.flatten(1), true_voxels, strict=True):
        share = settings.boundary_factor * true or settings.max_boundary_ratio * voxels
        allowed = max(1, math.floor(share))
        ordered = values.sort(descending=True).values
        least = settings.min_divergence
        epsilon = max([least, *ordered[allowed : allowed + 1].tolist()])
        passed |= values > epsilon
        if epsilon > least and not passed.any():
            tied = (values == epsilon).nonzero()[:, 0]
            passed[tied[:: math.ceil(len(tied) / allowed)]] = True
    return seeds


def _dilate(mask: torch.Tensor) -> torch.Tensor:
    pool = F.max_pool2d if mask.ndim == 3 else F.max_pool3d
    return pool(mask[:, None].float(), kernel_size=3, stride=1, padding=1)[:, 0] > 0


def _neighbors(centers: torch.Tensor, shape: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices K x N x (1 + dims) of the neighbours, clamped to the image, and which were inside."""
    offsets = [(0, *offset) for offset in neighbor_offsets(len(shape) - 1)]
    wanted = centers[:, None] + torch.tensor(offsets, device=centers.device)
    limits = torch.tensor(shape, device=centers.device) - 1
    clamped = wanted.clamp_min(0).minimum(limits)
    return clamped, (clamped == wanted).all(-1)


def _at(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """`values` (B x H x W [x D]) at K x N x (1 + dims) indices."""
    return values[index.unbind(-1)]
