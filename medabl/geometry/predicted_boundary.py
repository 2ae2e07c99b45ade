"""Where a prediction changes most between neighbouring voxels: the predicted boundary."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

# The smallest divergence that counts as a boundary (Wang et al., released code).
MIN_DIVERGENCE = 1e-5


def forward_divergence(
    log_probs: torch.Tensor, valid: torch.Tensor | None = None, *, sum_axes: bool = False
) -> torch.Tensor:
    """KL(P_i || P_j) from every voxel i to its forward neighbours j, over the axes.

    Args:
        log_probs: B x C x H x W [x D] log-probabilities.
        valid: B x H x W [x D] bool; a pair with a voxel that is not valid counts as 0.
        sum_axes: add the axes up (the released code) instead of taking the largest (the paper).

    Returns:
        B x H x W [x D] divergences in nats, never negative; 0 at the far end of an axis.
    """
    probs = log_probs.exp()
    spatial = log_probs.shape[2:]
    score = log_probs.new_zeros((log_probs.shape[0], *spatial))
    for axis in range(len(spatial)):
        last = spatial[axis] - 1
        here = log_probs.narrow(axis + 2, 0, last)
        ahead = log_probs.narrow(axis + 2, 1, last)
        # Rounding can leave a divergence of nearly equal voxels a little below zero.
        divergence = (probs.narrow(axis + 2, 0, last) * (here - ahead)).sum(1).clamp_min(0)
        if valid is not None:
            pair = valid.narrow(axis + 1, 0, last) & valid.narrow(axis + 1, 1, last)
            divergence = divergence.where(pair, 0)
        part = score.narrow(axis + 1, 0, last)
        part.copy_(part + divergence if sum_axes else torch.maximum(part, divergence))
    return score


def boundary_threshold(score: torch.Tensor, max_boundary_ratio: float) -> torch.Tensor:
    """Smallest threshold that at most `max_boundary_ratio` of the voxels of an image exceed.

    Args:
        score: B x H x W [x D] divergences.
        max_boundary_ratio: largest share of the voxels of an image above the threshold.

    Returns:
        B thresholds, at least 1e-5.
    """
    flat = score.flatten(1)
    allowed = math.floor(flat.shape[1] * max_boundary_ratio)
    if allowed >= flat.shape[1]:
        return flat.new_full((flat.shape[0],), MIN_DIVERGENCE)
    return flat.topk(allowed + 1, dim=1).values[:, -1].clamp_min(MIN_DIVERGENCE)


def dilate(mask: torch.Tensor) -> torch.Tensor:
    """Grow a B x H x W [x D] bool mask by one voxel, diagonals included."""
    pool = F.max_pool2d if mask.ndim == 3 else F.max_pool3d
    return pool(mask[:, None].float(), kernel_size=3, stride=1, padding=1)[:, 0] > 0


@torch.no_grad()
def predicted_boundary(
    log_probs: torch.Tensor, max_boundary_ratio: float = 0.01, valid: torch.Tensor | None = None
) -> torch.Tensor:
    """Voxels at which the prediction changes most, grown by one voxel.

    The score of a voxel is the largest divergence to a forward neighbour; at most
    `max_boundary_ratio` of the voxels of each image pass (Wang et al., AAAI 2022, Eq. 1).

    Args:
        log_probs: B x C x H x W [x D] log-probabilities.
        max_boundary_ratio: largest share of the voxels of an image taken before growing.
        valid: B x H x W [x D] bool; voxels that are not valid are on no boundary and make none.

    Returns:
        B x H x W [x D] bool.
    """
    score = forward_divergence(log_probs, valid)
    threshold = boundary_threshold(score, max_boundary_ratio)
    boundary = dilate(score > threshold.view(-1, *[1] * (score.ndim - 1)))
    return boundary if valid is None else boundary & valid
