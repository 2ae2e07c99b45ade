"""How much a prediction changes from each voxel to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

# A slab of this many values stays in the cache of a CPU core while it is worked on.
_SLAB_VALUES = 2**17


def needs_static_shapes(tensor: torch.Tensor) -> bool:
    """Whether shapes that depend on the values would make the host wait for a device."""
    return tensor.device.type != "cpu"


def forward_divergence(
    logits: torch.Tensor, valid: torch.Tensor | None = None, *, sum_axes: bool = False, static: bool
) -> torch.Tensor:
    """KL(P_i || P_j) from every voxel i to its forward neighbours j, over the axes.

    Args:
        logits: B x C x H x W [x D], P being their softmax; for C = 1, P is [1 - p, p] with p their
            sigmoid.
        valid: B x H x W [x D] bool; a pair with a voxel that is not valid counts as 0.
        sum_axes: add the axes up (the released code) instead of taking the largest (the paper).
        static: do nothing for which the host has to know the values; else work in small pieces.

    Returns:
        B x H x W [x D] divergences in nats; 0 at the far end of an axis.
    """
    score = logits.new_zeros((logits.shape[0], *logits.shape[2:]))
    if static:
        _add_divergence(score, logits, valid, sum_axes)
        return score
    length = logits.shape[2]
    rows = max(1, _SLAB_VALUES // max(1, logits.shape[1] * math.prod(logits.shape[3:])))
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
    images, _, *spatial = logits.shape
    log_probs = torch.log_softmax(logits, 1).flatten(2)
    probs = log_probs.exp()
    for axis, length in enumerate(spatial):
        # Along the rows of memory and past the ends of the axis, which is faster than line by line.
        step = math.prod(spatial[axis + 1 :])
        others = log_probs.shape[2] - step
        difference = log_probs[..., :others] - log_probs[..., step:]
        result = logits.new_empty((images, log_probs.shape[2]))
        result[:, :others] = difference.mul_(probs[..., :others]).sum(1)
        yield result.view(images, *spatial).narrow(axis + 1, 0, length - 1)


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
