"""The active boundary loss on CUDA: two fused Triton kernels."""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from medabl.geometry.neighbors import neighbor_offsets
from medabl.geometry.predicted_boundaries import dilate
from medabl.losses.active_boundary.settings import Settings
from medabl.losses.active_boundary.terms import comparable_logits, diverged, predicted_seeds
from medabl.losses.tensors import log_probabilities

_SCORE_BLOCK = 512
# Voxels times neighbours (8, or 32 in 3D, where 26 are padded) that a program works on.
_LOSS_TILE = 512


def active_boundary_triton(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What `active_boundary_terms` computes, with the gradient in full.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        the sum of the loss over the boundary voxels of each image, how many there are (int64), and
        the gradient of the sums, in the shape of `logits`.
    """
    folded = comparable_logits(logits, static=True)
    images, channels, *spatial = folded.shape
    log_probs = log_probabilities(folded).contiguous()
    distance = distance.contiguous()
    if valid is None or settings.released:
        valid = torch.ones_like(distance, dtype=torch.bool)
    valid = valid.contiguous()
    voxels = math.prod(spatial)
    # A plane of an image counts as a volume of depth 1.
    height, width, depth = (*spatial, 1)[:3]
    sizes = (images * voxels, log_probs.shape[1], voxels, height, width, depth)

    score = torch.empty_like(distance, dtype=log_probs.dtype)
    _score_kernel[(triton.cdiv(images * voxels, _SCORE_BLOCK),)](
        log_probs,
        valid.view(torch.uint8),
        score,
        *sizes,
        SUM_AXES=settings.released,
        BLOCK=_SCORE_BLOCK,
    )
    boundary = dilate(
        predicted_seeds(score, logits, distance, valid, settings, static=True), static=True
    )

    offsets = neighbor_offsets(len(spatial))
    steps = [_packed([(*offset, 0)[axis] for offset in offsets]) for axis in range(3)]
    columns = triton.next_power_of_2(len(offsets))
    rows = max(1, _LOSS_TILE // columns)
    others = len(offsets) if settings.released else len(offsets) - 1
    make = torch.empty_like if settings.detach_neighbors else torch.zeros_like
    gradient = make(folded, memory_format=torch.contiguous_format)
    values = torch.empty_like(score)
    counted = torch.empty_like(boundary)
    _loss_kernel[(triton.cdiv(images * voxels, rows),)](
        log_probs,
        distance,
        valid.view(torch.uint8),
        boundary.view(torch.uint8),
        values,
        counted.view(torch.uint8),
        gradient,
        *sizes,
        *steps,
        1 - settings.label_smoothing,
        settings.label_smoothing / others,
        settings.max_distance,
        channels,
        NEIGHBORS=len(offsets),
        COLUMNS=columns,
        ROWS=rows,
        RELEASED=settings.released,
        DETACH=settings.detach_neighbors,
    )
    sums = values.flatten(1).sum(1, dtype=torch.float64).to(logits.dtype) + diverged(score)
    if logits.shape[1] > channels:  # towards the second logit minus the first
        gradient = torch.cat([-gradient, gradient], 1)
    return sums, counted.flatten(1).sum(1), gradient


def _packed(steps: list[int]) -> int:
    """Steps of -1, 0 or 1, two bits each."""
    return sum((step + 1) << (2 * number) for number, step in enumerate(steps))


@triton.jit
def _score_kernel(  # type: ignore[no-untyped-def]
    log_probs_ptr,
    valid_ptr,
    score_ptr,
    total,
    channels,
    voxels,
    height,
    width,
    depth,
    SUM_AXES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Divergence of every voxel to its forward neighbours: the largest, or their sum."""
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    exists = index < total
    image, voxel = index // voxels, index % voxels
    z, x, y = voxel % depth, (voxel // depth) % width, voxel // (depth * width)
    known = tl.load(valid_ptr + index, mask=exists, other=0) != 0
    down = known & (y < height - 1)
    right = known & (x < width - 1)
    back = known & (z < depth - 1)
    down &= tl.load(valid_ptr + index + depth * width, mask=down, other=0) != 0
    right &= tl.load(valid_ptr + index + depth, mask=right, other=0) != 0
    back &= tl.load(valid_ptr + index + 1, mask=back, other=0) != 0

    base = log_probs_ptr + image * channels * voxels + voxel
    here = tl.load(base, mask=exists, other=0.0)
    along_y = tl.zeros_like(here)
    along_x = tl.zeros_like(here)
    along_z = tl.zeros_like(here)
    # Pointers move on by one channel at a time: channel * voxels may not fit 32 bits.
    at = base
    for _ in range(channels):
        here = tl.load(at, mask=exists, other=0.0)
        prob = tl.exp(here)
        along_y += prob * (here - tl.load(at + depth * width, mask=down, other=0.0))
        along_x += prob * (here - tl.load(at + depth, mask=right, other=0.0))
        along_z += prob * (here - tl.load(at + 1, mask=back, other=0.0))
        at += voxels
    along_y = tl.where(down, along_y, 0.0)
    along_x = tl.where(right, along_x, 0.0)
    along_z = tl.where(back, along_z, 0.0)
    if SUM_AXES:
        score = along_y + along_x + along_z
    else:
        score = tl.maximum(tl.maximum(along_y, along_x), tl.maximum(along_z, 0.0))
        # A maximum drops NaN on most chips.
        total = along_y + along_x + along_z
        score = tl.where(total == total, score, total)
    tl.store(score_ptr + index, score, mask=exists)


@triton.jit
def _loss_kernel(  # type: ignore[no-untyped-def]
    log_probs_ptr,
    distance_ptr,
    valid_ptr,
    boundary_ptr,
    values_ptr,
    counted_ptr,
    gradient_ptr,
    total,
    channels,
    voxels,
    height,
    width,
    depth,
    steps_y,
    steps_x,
    steps_z,
    chosen,
    rest,
    max_distance,
    gradient_channels,
    NEIGHBORS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
    RELEASED: tl.constexpr,
    DETACH: tl.constexpr,
):
    """Loss and gradient of ROWS voxels, against COLUMNS neighbours each."""
    index = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    exists = index < total
    image, voxel = index // voxels, index % voxels
    own = tl.load(distance_ptr + index, mask=exists, other=float("inf"))
    counts = exists & (own < float("inf"))
    counts &= tl.load(boundary_ptr + index, mask=exists, other=0) != 0
    if not RELEASED:
        counts &= own > 0
        counts &= tl.load(valid_ptr + index, mask=exists, other=0) != 0

    center = image * channels * voxels + voxel
    target = gradient_ptr + image * gradient_channels * voxels + voxel
    value = tl.zeros([ROWS], dtype=values_ptr.dtype.element_ty)

    if tl.max(counts.to(tl.int32), axis=0) > 0:
        column = tl.arange(0, COLUMNS)[None, :].to(tl.int64)
        real = column < NEIGHBORS
        y = (voxel // (depth * width))[:, None] + ((steps_y >> (2 * column)) & 3) - 1
        x = ((voxel // depth) % width)[:, None] + ((steps_x >> (2 * column)) & 3) - 1
        z = (voxel % depth)[:, None] + ((steps_z >> (2 * column)) & 3) - 1
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width) & (z >= 0) & (z < depth)
        y = tl.minimum(tl.maximum(y, 0), height - 1)
        x = tl.minimum(tl.maximum(x, 0), width - 1)
        z = tl.minimum(tl.maximum(z, 0), depth - 1)
        other_voxel = (y * width + x) * depth + z
        other = image[:, None] * voxels + other_voxel
        load = counts[:, None] & real

        around = tl.load(distance_ptr + other, mask=load, other=float("inf"))
        if RELEASED:
            around = tl.where(inside, tl.floor(tl.maximum(around - 1, 0.0)), 1e5)
            around = tl.where(real, around, float("inf"))
            own = tl.floor(tl.maximum(own - 1, 0.0))
            counts &= own >= tl.min(around, axis=1)
            part = real & counts[:, None]
        else:
            part = inside & load & (tl.load(valid_ptr + other, mask=load, other=0) != 0)
            around = tl.where(part, around, float("inf"))
            counts &= tl.max(part.to(tl.int32), axis=1) > 0
        nearest = tl.argmin(around, axis=1, tie_break_left=True)
        weight = tl.where(counts, tl.minimum(own, max_distance) / max_distance, 0.0)

        neighbor = image[:, None] * channels * voxels + other_voxel
        divergence = tl.zeros([ROWS, COLUMNS], dtype=values_ptr.dtype.element_ty)
        center_at = log_probs_ptr + center
        neighbor_at = log_probs_ptr + neighbor
        for _ in range(channels):
            here = tl.load(center_at, mask=counts, other=0.0)
            there = tl.load(neighbor_at, mask=part, other=0.0)
            divergence += tl.exp(there) * (there - here[:, None])
            center_at += voxels
            neighbor_at += voxels

        # Rows that do not count have weight 0; finite values keep them from giving NaN.
        largest = tl.max(tl.where(part, divergence, -1e30), axis=1)
        powers = tl.where(part, tl.exp(divergence - largest[:, None]), 0.0)
        power = tl.sum(powers, axis=1)
        power = tl.where(power > 0, power, 1.0)
        log_q = tl.where(part, divergence - largest[:, None] - tl.log(power)[:, None], 0.0)
        share = tl.where(column == nearest[:, None], chosen, rest)
        share = tl.where(part, share, 0.0)
        value = (-tl.sum(share * log_q, axis=1) * weight).to(value.dtype)
        slope = powers / power[:, None] * tl.sum(share, axis=1)[:, None] - share
        slope *= weight[:, None]

        # A single logit's gradient is that of the second of its two classes.
        skipped = (channels - gradient_channels) * voxels
        center_at = log_probs_ptr + center + skipped
        neighbor_at = log_probs_ptr + neighbor + skipped
        other_target = gradient_ptr + image[:, None] * gradient_channels * voxels + other_voxel
        for _ in range(gradient_channels):
            there = tl.load(neighbor_at, mask=part, other=0.0)
            pull = slope * tl.exp(there)
            toward_center = -tl.sum(pull, axis=1)
            if DETACH:
                tl.store(target, toward_center, mask=exists)
            else:
                tl.atomic_add(target, toward_center, mask=counts, sem="relaxed")
                here = tl.load(center_at, mask=counts, other=0.0)
                push = pull * (there - here[:, None] - divergence)
                tl.atomic_add(other_target, push, mask=part, sem="relaxed")
            center_at += voxels
            neighbor_at += voxels
            target += voxels
            other_target += voxels
    else:
        if DETACH:
            nothing = tl.zeros([ROWS], dtype=values_ptr.dtype.element_ty)
            for _ in range(gradient_channels):
                tl.store(target, nothing, mask=exists)
                target += voxels

    tl.store(values_ptr + index, value, mask=exists)
    tl.store(counted_ptr + index, counts.to(tl.uint8), mask=exists)
