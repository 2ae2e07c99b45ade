"""Triton kernels: the loss of the predicted boundary, and its gradient."""

from __future__ import annotations

import triton
import triton.language as tl

from medabl.losses.active_boundary.kernels_score import folded_logit, log1p


@triton.jit
def _near_seeds(  # type: ignore[no-untyped-def]
    score_ptr, threshold, voxel, on, height, width, depth, FLAT: tl.constexpr
):
    """Whether a voxel's score or that of a neighbour exceeds the threshold."""
    y, x, z = voxel // (depth * width), (voxel // depth) % width, voxel % depth
    near = on & False
    for dy in tl.static_range(-1, 2):
        for dx in tl.static_range(-1, 2):
            for dz in tl.static_range(-1, 2):
                if dz == 0 or not FLAT:
                    inside = on & (y + dy >= 0) & (y + dy < height) & (x + dx >= 0)
                    inside &= (x + dx < width) & (z + dz >= 0) & (z + dz < depth)
                    at = score_ptr + (dy * width + dx) * depth + dz
                    near |= tl.load(at, mask=inside, other=-float("inf")) > threshold
    return near


@triton.jit
def loss_kernel(  # type: ignore[no-untyped-def]
    values_ptr,
    distance_ptr,
    valid_ptr,
    score_ptr,
    threshold_ptr,
    listed_ptr,
    sums_ptr,
    counts_ptr,
    gradient_ptr,
    image_stride,
    channel_stride,
    voxel_stride,
    channels,
    voxels,
    height,
    width,
    depth,
    tiles,
    steps_y,
    steps_x,
    steps_z,
    chosen,
    rest,
    max_distance,
    BINARY: tl.constexpr,
    PAIR: tl.constexpr,
    HAS_VALID: tl.constexpr,
    RELEASED: tl.constexpr,
    DETACH: tl.constexpr,
    FLAT: tl.constexpr,
    NEIGHBORS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
):
    """Loss and gradient of TILE voxels of an image.

    Those next to a score above the threshold are listed, and taken ROWS at a time, against COLUMNS
    neighbours each.
    """
    program = tl.program_id(0)
    # 64 bits where channels or images are jumped over: a batch may hold more than 2^31 values.
    image = (program // tiles).to(tl.int64)
    first = (program % tiles) * TILE
    voxel = first + tl.arange(0, TILE)
    exists = voxel < voxels
    distances = distance_ptr + image * voxels
    away = tl.load(distances + voxel, mask=exists, other=float("inf"))
    on = exists & (away < float("inf"))
    if not RELEASED:
        on &= away > 0
    if HAS_VALID:
        on &= tl.load(valid_ptr + image * voxels + voxel, mask=on, other=0) != 0

    threshold = tl.load(threshold_ptr + image)
    scores = score_ptr + image * voxels + voxel
    on &= _near_seeds(scores, threshold, voxel, on, height, width, depth, FLAT)
    rank = tl.cumsum(on.to(tl.int32), 0)
    listed = tl.sum(on.to(tl.int32), 0)
    planes = gradient_ptr + image * channels * voxels
    if DETACH:
        nothing = tl.zeros([TILE], gradient_ptr.dtype.element_ty)
        plane_at = planes + voxel
        for _ in range(channels):
            tl.store(plane_at, nothing, mask=exists & ~on)
            plane_at += voxels

    total = tl.full([], 0, tl.float64)
    counted = tl.full([], 0, tl.int32)
    if listed > 0:
        own_list = listed_ptr + program.to(tl.int64) * TILE
        tl.store(own_list + rank - 1, tl.arange(0, TILE).to(tl.int16), mask=on)
        tl.debug_barrier()  # the list is read by other threads than wrote it
        column = tl.arange(0, COLUMNS)[None, :]
        real = column < NEIGHBORS
        step_y = ((steps_y >> (2 * column)) & 3).to(tl.int32) - 1
        step_x = ((steps_x >> (2 * column)) & 3).to(tl.int32) - 1
        step_z = ((steps_z >> (2 * column)) & 3).to(tl.int32) - 1
        for start in range(0, listed, ROWS):
            row = start + tl.arange(0, ROWS)
            counts = row < listed
            center = first + tl.load(own_list + row, mask=counts, other=0).to(tl.int32)
            own = tl.load(distances + center, mask=counts, other=1.0)
            load = counts[:, None] & real
            y = (center // (depth * width))[:, None] + step_y
            x = ((center // depth) % width)[:, None] + step_x
            z = (center % depth)[:, None] + step_z
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width) & (z >= 0) & (z < depth)
            y = tl.minimum(tl.maximum(y, 0), height - 1)
            x = tl.minimum(tl.maximum(x, 0), width - 1)
            z = tl.minimum(tl.maximum(z, 0), depth - 1)
            neighbor = (y * width + x) * depth + z

            around = tl.load(distances + neighbor, mask=load, other=float("inf"))
            if RELEASED:
                around = tl.where(inside, tl.floor(tl.maximum(around - 1, 0.0)), 1e5)
                around = tl.where(real, around, float("inf"))
                own = tl.floor(tl.maximum(own - 1, 0.0))
                counts &= own >= tl.min(around, axis=1)
                part = real & counts[:, None]
            else:
                part = inside & load
                if HAS_VALID:
                    at = valid_ptr + image * voxels + neighbor
                    part &= tl.load(at, mask=part, other=0) != 0
                around = tl.where(part, around, float("inf"))
                counts &= tl.max(part.to(tl.int32), axis=1) > 0
            nearest = tl.argmin(around, axis=1, tie_break_left=True)
            weight = tl.where(counts, tl.minimum(own, max_distance) / max_distance, 0.0)

            values = values_ptr + image * image_stride
            center_at = values + center.to(tl.int64) * voxel_stride
            neighbor_at = values + neighbor.to(tl.int64) * voxel_stride
            if BINARY:
                # Up to a term that is the same for all neighbours (see `binary_step`).
                here = folded_logit(center_at, channel_stride, counts, PAIR)
                there = folded_logit(neighbor_at, channel_stride, part, PAIR)
                sign = tl.where(here < 0, -1.0, 1.0).to(here.dtype)
                size = tl.abs(there)
                small = tl.exp(-size)
                minor = small / (1 + small)
                other = tl.where(sign[:, None] * there < 0, 1 - minor, minor)
                divergence = other * tl.abs(here)[:, None] - log1p(small) - size * minor
            else:
                divergence = tl.zeros([ROWS, COLUMNS], values_ptr.dtype.element_ty)
                here_at, there_at = center_at, neighbor_at
                for _ in range(channels):
                    here = tl.load(here_at, mask=counts, other=0.0)
                    there = tl.load(there_at, mask=part, other=0.0)
                    divergence += tl.exp(there) * (there - here[:, None])
                    here_at += channel_stride
                    there_at += channel_stride

            # Rows that do not count have weight 0; finite values keep them from giving NaN.
            largest = tl.max(tl.where(part, divergence, -1e30), axis=1)
            powers = tl.where(part, tl.exp(divergence - largest[:, None]), 0.0)
            power = tl.sum(powers, axis=1)
            power = tl.where(power > 0, power, 1.0)
            log_q = tl.where(part, divergence - largest[:, None] - tl.log(power)[:, None], 0.0)
            share = tl.where(column == nearest[:, None], chosen, rest)
            share = tl.where(part, share, 0.0)
            value = -tl.sum(share * log_q, axis=1) * weight
            total += tl.sum(tl.where(counts, value, 0.0).to(tl.float64), 0)
            counted += tl.sum(counts.to(tl.int32), 0)
            slope = powers / power[:, None] * tl.sum(share, axis=1)[:, None] - share
            slope *= weight[:, None]

            target = planes + center
            other_target = planes + neighbor
            live = row < listed
            if BINARY:
                toward_center = tl.sum(slope * other, axis=1) * sign
                if DETACH:
                    tl.store(target, toward_center, mask=live)
                else:
                    tl.atomic_add(target, toward_center, mask=counts, sem="relaxed")
                    push = slope * minor * (1 - minor) * (there - here[:, None])
                    tl.atomic_add(other_target, push, mask=part, sem="relaxed")
            else:
                for _ in range(channels):
                    there = tl.load(neighbor_at, mask=part, other=0.0)
                    pull = slope * tl.exp(there)
                    toward_center = -tl.sum(pull, axis=1)
                    if DETACH:
                        tl.store(target, toward_center, mask=live)
                    else:
                        tl.atomic_add(target, toward_center, mask=counts, sem="relaxed")
                        here = tl.load(center_at, mask=counts, other=0.0)
                        push = pull * (there - here[:, None] - divergence)
                        tl.atomic_add(other_target, push, mask=part, sem="relaxed")
                    center_at += channel_stride
                    neighbor_at += channel_stride
                    target += voxels
                    other_target += voxels
    tl.store(sums_ptr + program, total)
    tl.store(counts_ptr + program, counted)
