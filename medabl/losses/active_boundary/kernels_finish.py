"""Triton kernels: from the tiles of an image to its value, from that back to its logits."""

from __future__ import annotations

import triton
import triton.language as tl

from medabl.losses.active_boundary.kernels_score import COUNTS


@triton.jit
def finish_kernel(  # type: ignore[no-untyped-def]
    sums_ptr,
    counts_ptr,
    flags_ptr,
    values_ptr,
    weights_ptr,
    scales_ptr,
    tiles,
    RELEASED: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """What an image adds to the loss, from the sums and counts of its tiles, in their order."""
    image = tl.program_id(0)
    total = tl.full([], 0, tl.float64)
    count = tl.full([], 0, tl.int64)
    for start in range(0, tiles, BLOCK):
        tile = start + tl.arange(0, BLOCK)
        at = image.to(tl.int64) * tiles + tile
        total += tl.sum(tl.load(sums_ptr + at, mask=tile < tiles, other=0.0), 0)
        count += tl.sum(tl.load(counts_ptr + at, mask=tile < tiles, other=0).to(tl.int64), 0)
    scale = 1 / tl.maximum(count, 1).to(tl.float64)
    weight = tl.minimum(count, 1)
    if RELEASED:
        scale = tl.full([], 1, tl.float64)
        weight = count
    lost = tl.load(flags_ptr + image.to(tl.int64) * ROW + COUNTS) != 0
    tl.store(values_ptr + image, tl.where(lost, float("nan"), total * scale))
    tl.store(weights_ptr + image, weight)
    tl.store(scales_ptr + image, scale)


@triton.jit
def scale_kernel(  # type: ignore[no-untyped-def]
    gradient_ptr,
    values_ptr,
    scales_ptr,
    above_ptr,
    above_stride,
    out_ptr,
    channels,
    voxels,
    tiles,
    PAIR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The gradient of an image times what comes from above; NaN if its value is NaN."""
    program = tl.program_id(0)
    plane = (program // tiles).to(tl.int64)
    image = plane // channels
    value = tl.load(values_ptr + image)
    factor = tl.load(above_ptr + image * above_stride) * tl.load(scales_ptr + image)
    factor += value - value
    voxel = (program % tiles) * BLOCK + tl.arange(0, BLOCK)
    exists = voxel < voxels
    scaled = tl.load(gradient_ptr + plane * voxels + voxel, mask=exists, other=0.0) * factor
    if PAIR:  # towards the second logit minus the first
        tl.store(out_ptr + 2 * plane * voxels + voxel, -scaled, mask=exists)
        tl.store(out_ptr + (2 * plane + 1) * voxels + voxel, scaled, mask=exists)
    else:
        tl.store(out_ptr + plane * voxels + voxel, scaled, mask=exists)
