"""The active boundary loss on CUDA, in a few fused Triton kernels."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import triton

from medabl.geometry.neighbors import neighbor_offsets
from medabl.geometry.predicted_boundaries import MIN_DIVERGENCE, allowed_voxels
from medabl.losses.active_boundary.kernels_finish import finish_kernel, scale_kernel
from medabl.losses.active_boundary.kernels_loss import loss_kernel
from medabl.losses.active_boundary.kernels_score import (
    COUNTS,
    refine_kernel,
    score_kernel,
    threshold_kernel,
)
from medabl.losses.active_boundary.settings import Settings
from medabl.losses.active_boundary.terms import predicted_seeds
from medabl.losses.tensors import finite_logits

_SCORE_BLOCK = 512
_COUNT_BLOCK = 4096
_LOSS_TILE = 1024
# Voxels times neighbours (8, or 32 in 3D, where 26 are padded) that are worked on at once.
_NEIGHBOR_TILE = 512
_SCALE_BLOCK = 1024
# Counts of an image, its flag, and what fills a cache line.
_ROW = COUNTS.value + 32


class _Source(NamedTuple):
    """What the kernels read: logits of one or two channels, or log-probabilities of more."""

    values: torch.Tensor
    channels: int
    options: dict[str, bool]

    @property
    def strides(self) -> tuple[int, int, int]:
        """Steps between images, channels and voxels."""
        return self.values.stride(0), self.values.stride(1), _voxel_stride(self.values) or 1


def active_boundary_triton(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """What `medabl.losses.active_boundary.op` asks of a device, in seven launches for two classes.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        values, weights, scales and the unscaled gradient, as the operator does.
    """
    source = _source(logits)
    images, spatial = logits.shape[0], logits.shape[2:]
    voxels = math.prod(spatial)
    # A plane of an image counts as a volume of depth 1.
    sizes = (source.channels, voxels, *(*spatial, 1)[:3])
    distance = distance.contiguous()
    counts = torch.zeros((images, _ROW), dtype=torch.int32, device=logits.device)
    # Something has to stand in for a mask that is not there; it is not read.
    mask = counts if valid is None or settings.released else valid.contiguous().view(torch.uint8)
    source.options["HAS_VALID"] = mask is not counts
    score = torch.empty(distance.shape, dtype=logits.dtype, device=logits.device)
    tiles = triton.cdiv(voxels, _SCORE_BLOCK)
    counted = logits.dtype == torch.float32 and not settings.released
    score_kernel[(images * tiles,)](
        source.values,
        mask,
        score,
        counts,
        *source.strides,
        *sizes,
        tiles,
        MIN_DIVERGENCE,
        SUM_AXES=settings.released,
        COUNTED=counted,
        ROW=_ROW,
        BLOCK=_SCORE_BLOCK,
        **source.options,
    )
    if counted:
        threshold = _threshold(score, counts, settings)
    else:
        score = predicted_seeds(score, logits, distance, valid, settings, static=True)
        score = score.to(logits.dtype)
        threshold = score.new_full((images,), 0.5)

    offsets = neighbor_offsets(len(spatial))
    steps = [_packed([(*offset, 0)[axis] for offset in offsets]) for axis in range(3)]
    columns = triton.next_power_of_2(len(offsets))
    others = len(offsets) if settings.released else len(offsets) - 1
    tiles = triton.cdiv(voxels, _LOSS_TILE)
    sums = score.new_empty((images, tiles), dtype=torch.float64)
    kept = counts.new_empty((images, tiles))
    make = torch.empty if settings.detach_neighbors else torch.zeros
    shape = (images, source.channels, *spatial)
    gradient = make(shape, dtype=logits.dtype, device=logits.device)
    loss_kernel[(images * tiles,)](
        source.values,
        distance,
        mask,
        score,
        threshold,
        counts.new_empty(images * tiles * _LOSS_TILE, dtype=torch.int16),
        sums,
        kept,
        gradient,
        *source.strides,
        *sizes,
        tiles,
        *steps,
        1 - settings.label_smoothing,
        settings.label_smoothing / others,
        settings.max_distance,
        RELEASED=settings.released,
        DETACH=settings.detach_neighbors,
        FLAT=len(spatial) == 2,
        NEIGHBORS=len(offsets),
        COLUMNS=columns,
        ROWS=max(1, _NEIGHBOR_TILE // columns),
        TILE=_LOSS_TILE,
        **source.options,
    )
    values, scales = score.new_empty(images), score.new_empty(images)
    weights = counts.new_empty(images, dtype=torch.int64)
    finish_kernel[(images,)](
        sums,
        kept,
        counts,
        values,
        weights,
        scales,
        tiles,
        RELEASED=settings.released,
        ROW=_ROW,
        BLOCK=1024,
    )
    return values, weights, scales, gradient


def _source(logits: torch.Tensor) -> _Source:
    channels = logits.shape[1]
    if channels > 2:
        log_probs = finite_logits(logits).log_softmax(1).contiguous()
        return _Source(log_probs, channels, {"BINARY": False, "PAIR": False})
    if _voxel_stride(logits) is None:
        logits = logits.contiguous()
    return _Source(logits, 1, {"BINARY": True, "PAIR": channels == 2})


def _voxel_stride(values: torch.Tensor) -> int | None:
    """The step from each voxel of a channel to the next, None if it is not always the same."""
    stride = None
    expected = 1
    for size, step in zip(reversed(values.shape[2:]), reversed(values.stride()[2:]), strict=True):
        if size == 1:
            continue
        if stride is None:
            stride = expected = step
        if step != expected:
            return None
        expected = step * size
    return stride or 1


def _threshold(score: torch.Tensor, counts: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Thresholds, B, from scores whose first bits are counted; see `boundary_seeds`."""
    images, voxels = len(score), score[0].numel()
    allowed = allowed_voxels(voxels, settings.max_boundary_ratio)
    tiles = triton.cdiv(voxels, _COUNT_BLOCK)
    for last in (False, True):
        refine_kernel[(images * tiles,)](
            score,
            counts,
            voxels,
            tiles,
            allowed,
            MIN_DIVERGENCE,
            LAST=last,
            ROW=_ROW,
            BLOCK=_COUNT_BLOCK,
            num_warps=8,
        )
    threshold = score.new_empty(images)
    threshold_kernel[(images,)](
        score,
        counts,
        threshold,
        voxels,
        allowed,
        MIN_DIVERGENCE,
        ROW=_ROW,
        BLOCK=_COUNT_BLOCK,
        num_warps=8,
    )
    return threshold


def _packed(steps: list[int]) -> int:
    """Steps of -1, 0 or 1, two bits each."""
    return sum((step + 1) << (2 * number) for number, step in enumerate(steps))


def scaled_triton(
    above: torch.Tensor,
    values: torch.Tensor,
    scales: torch.Tensor,
    gradient: torch.Tensor,
    channels: int,
) -> torch.Tensor:
    """The gradient towards B x `channels` x ... logits, from `above`, that towards `values`."""
    images, folded, *spatial = gradient.shape
    voxels = math.prod(spatial)
    tiles = triton.cdiv(voxels, _SCALE_BLOCK)
    out = gradient.new_empty((images, channels, *spatial))
    scale_kernel[(images * folded * tiles,)](
        gradient,
        values,
        scales,
        above,
        above.stride(0),
        out,
        folded,
        voxels,
        tiles,
        PAIR=channels == 2,
        BLOCK=_SCALE_BLOCK,
    )
    return out
