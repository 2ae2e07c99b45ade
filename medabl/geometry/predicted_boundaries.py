"""Where a prediction changes most between neighbouring voxels: the predicted boundary."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

from medabl.geometry.neighbors import neighbor_indices

# The smallest divergence that counts as a boundary (Wang et al., released code).
MIN_DIVERGENCE = 1e-5
# Factor by which the released code raises its threshold until few enough pixels pass.
_THRESHOLD_GROWTH = 1.2
_THRESHOLD_STEPS = 520
# A slab of this many values stays in the cache of a CPU core while it is worked on.
_SLAB_VALUES = 2**17


def forward_divergence(
    logits: torch.Tensor, valid: torch.Tensor | None = None, *, sum_axes: bool = False
) -> torch.Tensor:
    """KL(P_i || P_j) from every voxel i to its forward neighbours j, over the axes.

    Args:
        logits: B x C x H x W [x D], P being their softmax; for C = 1, P is [1 - p, p] with p their
            sigmoid.
        valid: B x H x W [x D] bool; a pair with a voxel that is not valid counts as 0.
        sum_axes: add the axes up (the released code) instead of taking the largest (the paper).

    Returns:
        B x H x W [x D] divergences in nats; 0 at the far end of an axis.
    """
    score = logits.new_zeros((logits.shape[0], *logits.shape[2:]))
    if logits.device.type != "cpu":
        _add_divergence(score, logits, valid, sum_axes)
        return score
    length = logits.shape[2]
    rows = max(1, _SLAB_VALUES // max(1, logits[0, :, :1].numel()))
    for image in range(logits.shape[0]):
        for start in range(0, length, rows):
            # One row more than is written, for the neighbours of the last one.
            slab = slice(start, min(start + rows + 1, length))
            _add_divergence(
                score[image : image + 1, start : start + rows],
                logits[image : image + 1, :, slab],
                None if valid is None else valid[image : image + 1, slab],
                sum_axes,
            )
    return score


def _add_divergence(
    score: torch.Tensor, logits: torch.Tensor, valid: torch.Tensor | None, sum_axes: bool
) -> None:
    """Bring the divergence along every axis into `score`, which may lack the last row."""
    rows = score.shape[1]
    along = _binary_divergence(logits[:, 0]) if logits.shape[1] == 1 else _divergence(logits)
    for axis, divergence in enumerate(along, start=1):
        divergence = divergence[:, :rows]
        if valid is not None:
            last = valid.shape[axis] - 1
            pair = valid.narrow(axis, 0, last) & valid.narrow(axis, 1, last)
            divergence.masked_fill_(~pair[:, :rows], 0)
        part = score.narrow(axis, 0, divergence.shape[axis])
        if sum_axes:
            part.add_(divergence)
        else:
            torch.maximum(part, divergence, out=part)


def _divergence(logits: torch.Tensor) -> Iterator[torch.Tensor]:
    """KL to the next voxel along every axis, from B x C x ... logits."""
    log_probs = torch.log_softmax(logits, 1)
    probs = log_probs.exp()
    for axis in range(2, logits.ndim):
        last = logits.shape[axis] - 1
        difference = log_probs.narrow(axis, 0, last) - log_probs.narrow(axis, 1, last)
        yield difference.mul_(probs.narrow(axis, 0, last)).sum(1)


def _binary_divergence(logits: torch.Tensor) -> Iterator[torch.Tensor]:
    """KL to the next voxel along every axis, from B x ... logits of one class against another.

    From the likelier class at i, of log-probability -L_i, and the other, of probability m_i, with
    e the logit at j in favour of the likelier class at i:
    KL = L_j - L_i + max(-e, 0) - m_i (|x_i| - e), in which nothing large cancels.
    """
    size = logits.abs()
    small = size.neg().exp_()
    loss = torch.log1p(small)
    minor = small.div_(small + 1)
    sign = torch.ones_like(logits).copysign_(logits)
    for axis in range(1, logits.ndim):
        last = logits.shape[axis] - 1
        ahead = sign.narrow(axis, 0, last) * logits.narrow(axis, 1, last)
        gap = size.narrow(axis, 0, last) - ahead
        result = loss.narrow(axis, 1, last) - loss.narrow(axis, 0, last)
        result.sub_(ahead.clamp_max_(0))
        yield result.addcmul_(gap, minor.narrow(axis, 0, last), value=-1)


def image_threshold(score: torch.Tensor, max_boundary_ratio: float) -> torch.Tensor:
    """Smallest threshold that at most `max_boundary_ratio` of the voxels of an image exceed.

    Args:
        score: B x H x W [x D] divergences.
        max_boundary_ratio: largest share of the voxels of an image above the threshold.

    Returns:
        B thresholds, at least 1e-5.
    """
    flat = score.flatten(1)
    allowed = math.floor(flat.shape[1] * max_boundary_ratio)
    return _largest_but(flat, allowed).clamp_min(MIN_DIVERGENCE)


def released_threshold(score: torch.Tensor, max_boundary_ratio: float) -> torch.Tensor:
    """First of 1e-5 * 1.2^n that at most ratio * H * W pixels of the whole batch exceed.

    Args:
        score: B x H x W divergences.
        max_boundary_ratio: share of the pixels of *one* image.

    Returns:
        the threshold, a tensor of one value.
    """
    allowed = math.floor(score[0].numel() * max_boundary_ratio)
    not_passing = _largest_but(score.reshape(1, -1), allowed)
    # Made on the device, since a copy from the host would wait for it. Ends beyond 1e36.
    powers = torch.arange(_THRESHOLD_STEPS, dtype=torch.float64, device=score.device)
    candidates = (MIN_DIVERGENCE * _THRESHOLD_GROWTH**powers).to(score.dtype)
    return candidates[torch.searchsorted(candidates, not_passing).clamp_max(len(candidates) - 1)]


def _largest_but(rows: torch.Tensor, skipped: int) -> torch.Tensor:
    """The (skipped + 1)-th largest value of every row, 0 where there is none."""
    if skipped >= rows.shape[1]:
        return rows.new_zeros(rows.shape[0])
    if rows.device.type == "cpu":
        # NumPy's partition takes a fraction of the time of torch's topk and kthvalue.
        rank = rows.shape[1] - 1 - skipped
        return torch.from_numpy(np.partition(rows.numpy(), rank, axis=1)[:, rank])
    return rows.topk(skipped + 1, dim=1, sorted=False).values.amin(1)


def dilate(seeds: torch.Tensor) -> torch.Tensor:
    """Grow a B x H x W [x D] bool mask by one voxel, diagonals included."""
    if seeds.device.type != "cpu":
        pool = F.max_pool2d if seeds.ndim == 3 else F.max_pool3d
        return pool(seeds[:, None].float(), kernel_size=3, stride=1, padding=1)[:, 0] > 0
    # The seeds are few, so that visiting their neighbours beats pooling the image.
    indices, _ = neighbor_indices(true_positions(seeds), seeds.shape[1:])
    grown = seeds.clone()
    grown.view(-1).numpy()[indices.view(-1).numpy()] = True
    return grown


def true_positions(mask: torch.Tensor) -> torch.Tensor:
    """Flat indices of the True voxels of a mask on the CPU."""
    # NumPy's search, and its assignment above, take a fraction of the time of torch's.
    return torch.from_numpy(np.flatnonzero(mask.numpy()))


@torch.no_grad()
def predicted_boundary(
    logits: torch.Tensor, max_boundary_ratio: float = 0.01, valid: torch.Tensor | None = None
) -> torch.Tensor:
    """Voxels at which the prediction changes most, grown by one voxel.

    The score of a voxel is the largest divergence to a forward neighbour; at most
    `max_boundary_ratio` of the voxels of each image pass (Wang et al., AAAI 2022, Eq. 1).

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        max_boundary_ratio: largest share of the voxels of an image taken before growing.
        valid: B x H x W [x D] bool; voxels that are not valid are on no boundary and make none.

    Returns:
        B x H x W [x D] bool.
    """
    score = forward_divergence(logits, valid)
    threshold = image_threshold(score, max_boundary_ratio)
    boundary = dilate(score > threshold.view(-1, *[1] * (score.ndim - 1)))
    return boundary if valid is None else boundary & valid
