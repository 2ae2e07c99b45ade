"""Exact Euclidean distance transform on CUDA, as two Triton kernels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import triton
import triton.language as tl

# Further than any axis is long, and small enough that differences of two stay inside int32.
_FAR = tl.constexpr(2**30)

_SCAN_TILE = 4096
_SEARCH_TILE = 512
_LANES = 32


def distance_transform_triton(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    """Distance of every True voxel to the nearest False voxel of its image.

    A kernel launch a spatial axis: the first axis by scans in both directions, every further one by
    a search outwards from each voxel that stops as soon as the reach alone exceeds the best squared
    distance in its tile. Only sums and minima of non-negative squares are taken, so that the result
    is exact to float32 rounding. Nothing is read back to the host.

    Args:
        mask: bool, B x C x H x W [x D], on a CUDA device.
        spacing: voxel size, one number a spatial axis.

    Returns:
        float32 of the same shape; ``inf`` where an image has no False voxel.
    """
    distance = torch.empty(mask.shape, dtype=torch.float32, device=mask.device)
    if mask.numel() == 0:
        return distance
    with torch.cuda.device_of(mask):
        _scan_first_axis(mask.contiguous(), distance, spacing[0])
        for axis, step in enumerate(spacing[1:], start=3):
            squared, distance = distance, torch.empty_like(distance)
            _search_axis(squared, distance, axis, step, root=axis == mask.ndim - 1)
    return distance


def _scan_first_axis(mask: torch.Tensor, squared: torch.Tensor, step: float) -> None:
    outer, length, inner = prod(mask.shape[:2]), mask.shape[2], prod(mask.shape[3:])
    lanes = min(_LANES, triton.next_power_of_2(inner))
    chunk = min(_SCAN_TILE // lanes, triton.next_power_of_2(length))
    lane_tiles = triton.cdiv(inner, lanes)
    _scan_kernel[(outer * lane_tiles,)](
        mask.view(torch.uint8),
        squared,
        length,
        inner,
        lane_tiles,
        step,
        CHUNK=chunk,
        LANES=lanes,
        num_warps=_warps(chunk * lanes),
    )


def _search_axis(
    squared: torch.Tensor, out: torch.Tensor, axis: int, step: float, root: bool
) -> None:
    outer, length = prod(squared.shape[:axis]), squared.shape[axis]
    inner = prod(squared.shape[axis + 1 :])
    lanes = min(_LANES, triton.next_power_of_2(inner))
    rows = min(_SEARCH_TILE // lanes, triton.next_power_of_2(length))
    row_tiles, lane_tiles = triton.cdiv(length, rows), triton.cdiv(inner, lanes)
    _search_kernel[(outer * row_tiles * lane_tiles,)](
        squared,
        out,
        length,
        inner,
        row_tiles,
        lane_tiles,
        step,
        ROOT=root,
        ROWS=rows,
        LANES=lanes,
        num_warps=_warps(rows * lanes),
    )


def _warps(tile: int) -> int:
    return max(1, min(8, tile // 128))


@triton.jit
def _larger(a, b):  # type: ignore[no-untyped-def]
    return tl.maximum(a, b)


@triton.jit
def _smaller(a, b):  # type: ignore[no-untyped-def]
    return tl.minimum(a, b)


@triton.jit
def _scan_kernel(  # type: ignore[no-untyped-def]
    mask_ptr,
    out_ptr,
    length,
    inner,
    lane_tiles,
    step,
    CHUNK: tl.constexpr,
    LANES: tl.constexpr,
):
    """Squared distance along an axis to the nearest False voxel of the same line.

    Arrays are outer x length x inner; a program takes LANES neighbouring lines from end to end,
    CHUNK voxels at a time: forwards for the last False voxel passed, backwards for the next one.
    """
    # 64 bits: a batch of volumes may hold more than 2^31 voxels.
    program = tl.program_id(0).to(tl.int64)
    lane = (program % lane_tiles) * LANES + tl.arange(0, LANES)[None, :]
    line = (program // lane_tiles) * length * inner + lane
    chunks = tl.cdiv(length, CHUNK)

    carry = tl.full([1, LANES], -_FAR, tl.int32)
    for chunk in range(chunks):
        position = chunk * CHUNK + tl.arange(0, CHUNK)[:, None]
        valid = (position < length) & (lane < inner)
        offset = line + position.to(tl.int64) * inner
        value = tl.load(mask_ptr + offset, mask=valid, other=1)
        zero = tl.where(value == 0, position, -_FAR)
        last = tl.maximum(tl.associative_scan(zero, 0, _larger), carry)
        tl.store(out_ptr + offset, (position - last).to(tl.float32), mask=valid)
        carry = tl.maximum(carry, tl.max(zero, axis=0, keep_dims=True))

    tl.debug_barrier()  # the second sweep reads what the first one wrote

    carry = tl.full([1, LANES], _FAR, tl.int32)
    for chunk in range(chunks):
        position = (chunks - 1 - chunk) * CHUNK + tl.arange(0, CHUNK)[:, None]
        valid = (position < length) & (lane < inner)
        offset = line + position.to(tl.int64) * inner
        value = tl.load(mask_ptr + offset, mask=valid, other=1)
        zero = tl.where(value == 0, position, _FAR)
        following = tl.minimum(tl.associative_scan(zero, 0, _smaller, reverse=True), carry)
        behind = tl.load(out_ptr + offset, mask=valid, other=0.0)
        voxels = tl.minimum(behind, (following - position).to(tl.float32))
        distance = tl.where(voxels < length, voxels * step, float("inf"))
        tl.store(out_ptr + offset, distance * distance, mask=valid)
        carry = tl.minimum(carry, tl.min(zero, axis=0, keep_dims=True))


@triton.jit
def _search_kernel(  # type: ignore[no-untyped-def]
    in_ptr,
    out_ptr,
    length,
    inner,
    row_tiles,
    lane_tiles,
    step,
    ROOT: tl.constexpr,
    ROWS: tl.constexpr,
    LANES: tl.constexpr,
):
    """Minimum along an axis of (input + squared distance along that axis).

    Arrays are outer x length x inner; a program takes ROWS x LANES voxels of length x inner.
    """
    program = tl.program_id(0).to(tl.int64)
    lane = (program % lane_tiles) * LANES + tl.arange(0, LANES)[None, :]
    row = ((program // lane_tiles) % row_tiles) * ROWS + tl.arange(0, ROWS)[:, None]
    image = program // lane_tiles // row_tiles
    valid = (row < length) & (lane < inner)
    offset = image * length * inner + row * inner + lane

    # 0 outside the image: what is not stored must not keep the search going.
    best = tl.load(in_ptr + offset, mask=valid, other=0.0)
    reach = 1
    while (reach < length) & (reach * step * (reach * step) < tl.max(best)):
        # 8 steps a test: the maximum over the tile costs as much as a few steps.
        for extra in tl.static_range(8):
            away = reach + extra
            shift = away.to(tl.int64) * inner
            before = tl.load(
                in_ptr + offset - shift, mask=valid & (row >= away), other=float("inf")
            )
            after = tl.load(
                in_ptr + offset + shift, mask=valid & (row + away < length), other=float("inf")
            )
            along = away * step
            best = tl.minimum(best, tl.minimum(before, after) + along * along)
        reach += 8
    if ROOT:
        best = tl.sqrt_rn(best)
    tl.store(out_ptr + offset, best, mask=valid)
