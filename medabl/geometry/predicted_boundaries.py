"""Where a prediction changes most between neighbouring voxels: the predicted boundary."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from medabl.geometry.divergence import forward_divergence, needs_static_shapes

# The smallest divergence that counts as a boundary (Wang et al., released code).
MIN_DIVERGENCE = 1e-5
# Factor by which the released code raises its threshold until few enough pixels pass.
_THRESHOLD_GROWTH = 1.2
_THRESHOLD_STEPS = 520


def boundary_seeds(
    score: torch.Tensor,
    max_boundary_ratio: float,
    *,
    static: bool,
    allowed: torch.Tensor | None = None,
    min_divergence: float = MIN_DIVERGENCE,
) -> torch.Tensor:
    """The voxels of each image with the largest divergence, the share of them that is asked for.

    A voxel passes if its divergence exceeds the smallest threshold that at most
    `allowed_voxels` of the image exceed. If that is none, because more voxels than are allowed
    share the largest divergence, voxels evenly spread over those pass.

    Args:
        score: B x H x W [x D] divergences.
        max_boundary_ratio: largest share of the voxels of an image that pass.
        static: do nothing for which the host has to know the values.
        allowed: B x 1 numbers of voxels, in place of the share.
        min_divergence: what a divergence has to exceed in any case.

    Returns:
        bool of the same shape.
    """
    if score.numel() == 0:
        return torch.zeros_like(score, dtype=torch.bool)
    flat = score.flatten(1)
    if allowed is None:
        threshold = image_threshold(score, max_boundary_ratio, static=static)[:, None]
    else:
        threshold = _largest_but_each(flat, allowed)
    threshold = threshold.clamp_min(min_divergence)
    seeds = flat > threshold
    tied = (flat.amax(1, keepdim=True) == threshold) & (threshold > min_divergence)
    if static or tied.any():
        most = allowed_voxels(flat.shape[1], max_boundary_ratio) if allowed is None else allowed
        seeds |= _evenly_spread((flat == threshold) & tied, most)
    return seeds.view_as(score)


def allowed_voxels(voxels: int, max_boundary_ratio: float) -> int:
    """How many of the voxels of an image may be predicted boundary before it is dilated.

    At least one: an image so small that its share is less than a voxel would have no boundary.
    """
    return max(1, math.floor(voxels * max_boundary_ratio))


def _evenly_spread(mask: torch.Tensor, allowed: int | torch.Tensor) -> torch.Tensor:
    """At most `allowed` of the True values of every row, at equal intervals."""
    rank = mask.cumsum(1)
    interval = (rank[:, -1:] + allowed - 1).div(allowed, rounding_mode="floor").clamp_min(1)
    return mask & ((rank - 1).remainder(interval) == 0)


def image_threshold(
    score: torch.Tensor, max_boundary_ratio: float, *, static: bool
) -> torch.Tensor:
    """Smallest threshold that at most `allowed_voxels` of an image exceed.

    Args:
        score: B x H x W [x D] divergences.
        max_boundary_ratio: largest share of the voxels of an image above the threshold.
        static: do nothing for which the host has to know the values.

    Returns:
        B thresholds, at least 1e-5.
    """
    flat = score.flatten(1)
    allowed = allowed_voxels(flat.shape[1], max_boundary_ratio)
    return _largest_but(flat, allowed, static).clamp_min(MIN_DIVERGENCE)


def released_threshold(
    score: torch.Tensor, max_boundary_ratio: float, *, static: bool
) -> torch.Tensor:
    """First of 1e-5 * 1.2^n that at most ratio * H * W pixels of the whole batch exceed.

    Args:
        score: B x H x W divergences.
        max_boundary_ratio: share of the pixels of *one* image.
        static: do nothing for which the host has to know the values.

    Returns:
        the threshold, a tensor of one value.
    """
    allowed = math.floor(math.prod(score.shape[1:]) * max_boundary_ratio)
    not_passing = _largest_but(score.reshape(1, -1), allowed, static)
    # Made on the device, since a copy from the host would wait for it. Ends beyond 1e36.
    powers = torch.arange(_THRESHOLD_STEPS, dtype=widest_float(score), device=score.device)
    candidates = (MIN_DIVERGENCE * _THRESHOLD_GROWTH**powers).to(score.dtype)
    return candidates[torch.searchsorted(candidates, not_passing).clamp_max(len(candidates) - 1)]


def widest_float(tensor: torch.Tensor) -> torch.dtype:
    """The floating-point type with the most digits that the tensor's device knows."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _largest_but(rows: torch.Tensor, skipped: int, static: bool) -> torch.Tensor:
    """The (skipped + 1)-th largest value of every row, 0 where there is none."""
    if skipped >= rows.shape[1]:
        return rows.new_zeros(rows.shape[0])
    if static:
        return rows.topk(skipped + 1, dim=1, sorted=False).values.amin(1)
    # NumPy's partition takes a fraction of the time of torch's topk and kthvalue.
    rank = rows.shape[1] - 1 - skipped
    return torch.from_numpy(np.partition(rows.numpy(), rank, axis=1)[:, rank])


def _largest_but_each(rows: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
    """The (skipped + 1)-th largest value of every row, of B x 1 numbers; 0 where there is none."""
    ordered = F.pad(rows.sort(1, descending=True).values, (0, 1))
    return ordered.gather(1, skipped.clamp_max(rows.shape[1]))


def dilate(mask: torch.Tensor) -> torch.Tensor:
    """Dilate a B x H x W [x D] bool mask by one voxel, diagonals included."""
    for axis in range(1, mask.ndim):
        others = mask.shape[axis] - 1
        edge = torch.zeros_like(mask.narrow(axis, 0, 1))
        before = torch.cat([edge, mask.narrow(axis, 0, others)], axis)
        after = torch.cat([mask.narrow(axis, 1, others), edge], axis)
        mask = mask | before | after
    return mask


def true_positions(mask: torch.Tensor) -> torch.Tensor:
    """Flat indices of the True voxels of a mask on the CPU."""
    # NumPy's search takes a fraction of the time of torch's.
    return torch.from_numpy(np.flatnonzero(mask.numpy()))


@torch.no_grad()
def predicted_boundary(
    logits: torch.Tensor, max_boundary_ratio: float = 0.01, valid: torch.Tensor | None = None
) -> torch.Tensor:
    """Voxels at which the prediction changes most, dilated by one voxel.

    The score of a voxel is the largest divergence to a forward neighbour; at most
    `max_boundary_ratio` of the voxels of each image pass, but one where the share is less than
    that (Wang et al., AAAI 2022, Eq. 1).

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        max_boundary_ratio: largest share of the voxels of an image taken before dilating.
        valid: B x H x W [x D] bool; voxels that are not valid are on no boundary and make none.

    Returns:
        B x H x W [x D] bool.
    """
    static = needs_static_shapes(logits)
    score = forward_divergence(logits, valid, static=static)
    boundary = dilate(boundary_seeds(score, max_boundary_ratio, static=static))
    return boundary if valid is None else boundary & valid
