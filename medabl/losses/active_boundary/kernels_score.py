"""Triton kernels: how much a prediction changes, and which change is among the largest."""

from __future__ import annotations

import triton
import triton.language as tl

# A positive float's bits order as the float does. They are counted by their first 11, then by the
# 10 that follow, then by the last 10; an image's counts lie in a row, with a flag behind them.
FIRST_BINS = tl.constexpr(2048)
NEXT_BINS = tl.constexpr(1024)
COUNTS = tl.constexpr(4096)


@triton.jit
def folded_logit(ptr, channel_stride, mask, PAIR: tl.constexpr):  # type: ignore[no-untyped-def]
    """One logit, or the second minus the first of two; infinite ones are 1e4 or -1e4."""
    logit = _finite(tl.load(ptr, mask=mask, other=0.0))
    if PAIR:
        logit = _finite(tl.load(ptr + channel_stride, mask=mask, other=0.0)) - logit
    return logit


@triton.jit
def _finite(values):  # type: ignore[no-untyped-def]
    values = tl.where(values == float("inf"), 1e4, values)
    return tl.where(values == -float("inf"), -1e4, values)


@triton.jit
def log1p(small):  # type: ignore[no-untyped-def]
    """log(1 + small) for 0 <= small <= 1, to the last digits (Kahan)."""
    more = 1 + small
    exact = more == 1
    return tl.where(exact, small, tl.log(more) * (small / tl.where(exact, 1.0, more - 1)))


@triton.jit
def _to_next(ptr, here, mask, channel_stride, PAIR: tl.constexpr):  # type: ignore[no-untyped-def]
    """KL(P_i || P_j) of [1 - p, p], from the logits here to those at `ptr`; 0 where masked.

    Nothing large cancels: see `medabl.geometry.divergence`.
    """
    there = folded_logit(ptr, channel_stride, mask, PAIR)
    size = tl.abs(here)
    small = tl.exp(-size)
    ahead = tl.where(here < 0, -there, there)
    divergence = log1p(tl.exp(-tl.abs(there))) - log1p(small) - tl.minimum(ahead, 0.0)
    return tl.where(mask, divergence - small / (1 + small) * (size - ahead), 0.0)


@triton.jit
def score_kernel(  # type: ignore[no-untyped-def]
    values_ptr,
    valid_ptr,
    score_ptr,
    counts_ptr,
    image_stride,
    channel_stride,
    voxel_stride,
    channels,
    voxels,
    height,
    width,
    depth,
    tiles,
    least,
    BINARY: tl.constexpr,
    PAIR: tl.constexpr,
    SUM_AXES: tl.constexpr,
    HAS_VALID: tl.constexpr,
    COUNTED: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Divergence of every voxel to its forward neighbours: the largest, or their sum.

    `values` are logits if BINARY, else log-probabilities. With COUNTED, scores above `least` are
    counted by their first bits. An image with a score that is not finite is flagged.
    """
    program = tl.program_id(0)
    # 64 bits where channels or images are jumped over: a batch may hold more than 2^31 values.
    image = (program // tiles).to(tl.int64)
    voxel = (program % tiles) * BLOCK + tl.arange(0, BLOCK)
    exists = voxel < voxels
    down = exists & (voxel // (depth * width) < height - 1)
    right = exists & ((voxel // depth) % width < width - 1)
    back = exists & (voxel % depth < depth - 1)
    if HAS_VALID:
        valid_at = valid_ptr + image * voxels + voxel
        known = tl.load(valid_at, mask=exists, other=0) != 0
        down &= known & (tl.load(valid_at + depth * width, mask=down, other=0) != 0)
        right &= known & (tl.load(valid_at + depth, mask=right, other=0) != 0)
        back &= known & (tl.load(valid_at + 1, mask=back, other=0) != 0)

    at = values_ptr + image * image_stride + voxel.to(tl.int64) * voxel_stride
    to_right = depth * voxel_stride
    to_down = width * to_right
    if BINARY:
        here = folded_logit(at, channel_stride, exists, PAIR)
        along_y = _to_next(at + to_down, here, down, channel_stride, PAIR)
        along_x = _to_next(at + to_right, here, right, channel_stride, PAIR)
        along_z = _to_next(at + voxel_stride, here, back, channel_stride, PAIR)
    else:
        along_y = tl.zeros([BLOCK], values_ptr.dtype.element_ty)
        along_x = tl.zeros_like(along_y)
        along_z = tl.zeros_like(along_y)
        for _ in range(channels):
            here = tl.load(at, mask=exists, other=0.0)
            prob = tl.exp(here)
            along_y += prob * (here - tl.load(at + to_down, mask=down, other=0.0))
            along_x += prob * (here - tl.load(at + to_right, mask=right, other=0.0))
            along_z += prob * (here - tl.load(at + voxel_stride, mask=back, other=0.0))
            at += channel_stride
        along_y = tl.where(down, along_y, 0.0)
        along_x = tl.where(right, along_x, 0.0)
        along_z = tl.where(back, along_z, 0.0)
    score = along_y + along_x + along_z
    if not SUM_AXES:
        # A maximum drops NaN on most chips.
        largest = tl.maximum(tl.maximum(along_y, along_x), tl.maximum(along_z, 0.0))
        score = tl.where(score == score, largest, score)
    tl.store(score_ptr + image * voxels + voxel, score, mask=exists)

    row = counts_ptr + image * ROW
    lost = exists & ~(score < float("inf"))
    if tl.max(lost.to(tl.int32), 0) > 0:
        tl.store(row + COUNTS, 1)
    if COUNTED:
        first = score.to(tl.int32, bitcast=True) >> 20
        tl.atomic_add(row + first, 1, mask=exists & (score > least) & ~lost, sem="relaxed")


@triton.jit
def _bin_of(counts_ptr, wanted, BINS: tl.constexpr):  # type: ignore[no-untyped-def]
    """The last bin with more than `wanted` in it and above, or -1; and how many are above."""
    bins = tl.arange(0, BINS)
    counts = tl.load(counts_ptr + bins)
    from_here = tl.cumsum(counts, 0, reverse=True)
    found = tl.max(tl.where(from_here > wanted, bins, -1), 0)
    return found, tl.sum(tl.where(bins > found, counts, 0), 0)


@triton.jit
def refine_kernel(  # type: ignore[no-untyped-def]
    score_ptr,
    counts_ptr,
    voxels,
    tiles,
    allowed,
    least,
    LAST: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Count scores by their next bits (LAST: their last ones), among those that begin as wanted.

    Wanted is the largest score that more than `allowed` of an image reach.
    """
    program = tl.program_id(0)
    image = (program // tiles).to(tl.int64)
    row = counts_ptr + image * ROW
    begins, above = _bin_of(row, allowed, FIRST_BINS)
    if begins >= 0:
        bins = row + FIRST_BINS
        shift = 10
        if LAST:
            more, _ = _bin_of(bins, allowed - above, NEXT_BINS)
            begins = begins * NEXT_BINS + more
            bins += NEXT_BINS
            shift = 0
        voxel = (program % tiles) * BLOCK + tl.arange(0, BLOCK)
        exists = voxel < voxels
        score = tl.load(score_ptr + image * voxels + voxel, mask=exists, other=0.0)
        bits = score.to(tl.int32, bitcast=True) >> shift
        hit = exists & (score > least) & (bits // NEXT_BINS == begins)
        tl.atomic_add(bins + bits % NEXT_BINS, 1, mask=hit, sem="relaxed")


@triton.jit
def threshold_kernel(  # type: ignore[no-untyped-def]
    score_ptr,
    counts_ptr,
    threshold_ptr,
    voxels,
    allowed,
    least,
    ROW: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The smallest threshold that at most `allowed` scores of an image exceed.

    If that is none, because more share the largest, as many as are allowed, evenly spread over
    them, are raised to inf.
    """
    image = tl.program_id(0).to(tl.int64)
    row = counts_ptr + image * ROW
    first, above = _bin_of(row, allowed, FIRST_BINS)
    if first < 0:
        tl.store(threshold_ptr + image, least)
    else:
        second, passed = _bin_of(row + FIRST_BINS, allowed - above, NEXT_BINS)
        above += passed
        third, passed = _bin_of(row + FIRST_BINS + NEXT_BINS, allowed - above, NEXT_BINS)
        above += passed
        bits = (first * NEXT_BINS + second) * NEXT_BINS + third
        threshold = bits.to(tl.float32, bitcast=True)
        tl.store(threshold_ptr + image, threshold)
        if above == 0:
            tied = tl.load(row + FIRST_BINS + NEXT_BINS + third)
            interval = (tied + allowed - 1) // allowed
            for start in range(0, voxels, BLOCK):
                voxel = start + tl.arange(0, BLOCK)
                exists = voxel < voxels
                at = score_ptr + image * voxels + voxel
                largest = exists & (tl.load(at, mask=exists, other=0.0) == threshold)
                rank = above + tl.cumsum(largest.to(tl.int32), 0)
                raised = largest & ((rank - 1) % interval == 0)
                tl.store(at, tl.full([BLOCK], float("inf"), tl.float32), mask=raised)
                above += tl.sum(largest.to(tl.int32), 0)
