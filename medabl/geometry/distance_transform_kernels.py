"""The Triton kernels of the distance transform."""

from __future__ import annotations

import triton
import triton.language as tl

# Further than any axis is long, and small enough that differences of two stay inside int32.
_FAR = tl.constexpr(2**30)


@triton.jit
def _larger(a, b):  # type: ignore[no-untyped-def]
    return tl.maximum(a, b)


@triton.jit
def _smaller(a, b):  # type: ignore[no-untyped-def]
    return tl.minimum(a, b)


@triton.jit
def _differs(ptr, value, inside, ignored, IGNORING: tl.constexpr):  # type: ignore[no-untyped-def]
    """Whether a neighbour inside the image has another label than `value`, and counts."""
    other = tl.load(ptr, mask=inside, other=0)
    differs = inside & (other != value)
    if IGNORING:
        differs &= other != ignored
    return differs


@triton.jit
def _is_source(  # type: ignore[no-untyped-def]
    ptr,
    exists,
    position,
    lane,
    length,
    inner,
    depth,
    ignored,
    LABELS: tl.constexpr,
    IGNORING: tl.constexpr,
):
    """Whether voxels are what distances are taken to: False in a mask, the boundary of labels."""
    value = tl.load(ptr, mask=exists, other=1)
    if LABELS:
        source = _differs(ptr + inner, value, exists & (position + 1 < length), ignored, IGNORING)
        right = exists & (lane + depth < inner)
        source |= _differs(ptr + depth, value, right, ignored, IGNORING)
        back = exists & (lane % depth + 1 < depth)
        source |= _differs(ptr + 1, value, back, ignored, IGNORING)
        if IGNORING:
            source &= value != ignored
    else:
        source = exists & (value == 0)
    return source


@triton.jit
def _squared(voxels, length, step):  # type: ignore[no-untyped-def]
    """Square of a distance of so many voxels; inf if there are more than the axis has."""
    distance = tl.where(voxels < length, voxels.to(tl.float32) * step, float("inf"))
    return distance * distance


@triton.jit
def scan_kernel(  # type: ignore[no-untyped-def]
    image_ptr,
    out_ptr,
    sources_ptr,
    length,
    inner,
    depth,
    lane_tiles,
    step,
    ignored,
    LABELS: tl.constexpr,
    IGNORING: tl.constexpr,
    ONCE: tl.constexpr,
    CHUNK: tl.constexpr,
    LANES: tl.constexpr,
):
    """Squared distance along an axis to the nearest source of the same line.

    Arrays are outer x length x inner; a program takes LANES neighbouring lines from end to end,
    CHUNK voxels at a time: forwards for the last source passed, backwards for the next one. With
    ONCE a chunk is all of a line, which is read and written once.
    """
    # 64 bits: a batch of volumes may hold more than 2^31 voxels.
    program = tl.program_id(0).to(tl.int64)
    lane = (program % lane_tiles) * LANES + tl.arange(0, LANES)[None, :]
    line = (program // lane_tiles) * length * inner + lane
    chunks = tl.cdiv(length, CHUNK)

    if ONCE:
        position = tl.arange(0, CHUNK)[:, None]
        exists = (position < length) & (lane < inner)
        offset = line + position.to(tl.int64) * inner
        source = _is_source(image_ptr + offset, exists, position, lane, length, inner, depth,
                            ignored, LABELS, IGNORING)  # fmt: skip
        last = tl.associative_scan(tl.where(source, position, -_FAR), 0, _larger)
        ahead = tl.where(source, position, _FAR)
        following = tl.associative_scan(ahead, 0, _smaller, reverse=True)
        voxels = tl.minimum(position - last, following - position)
        tl.store(out_ptr + offset, _squared(voxels, length, step), mask=exists)
        tl.store(sources_ptr + program, tl.max(tl.max(source.to(tl.int32), 1), 0).to(tl.uint8))
    else:
        carry = tl.full([1, LANES], -_FAR, tl.int32)
        for chunk in range(chunks):
            position = chunk * CHUNK + tl.arange(0, CHUNK)[:, None]
            exists = (position < length) & (lane < inner)
            offset = line + position.to(tl.int64) * inner
            source = _is_source(image_ptr + offset, exists, position, lane, length, inner, depth,
                                ignored, LABELS, IGNORING)  # fmt: skip
            at = tl.where(source, position, -_FAR)
            last = tl.maximum(tl.associative_scan(at, 0, _larger), carry)
            # Exact as a float: less than the axis is long, or so far that it does not count.
            tl.store(out_ptr + offset, (position - last).to(tl.float32), mask=exists)
            carry = tl.maximum(carry, tl.max(at, axis=0, keep_dims=True))
        tl.store(sources_ptr + program, (tl.max(tl.max(carry, 1), 0) >= 0).to(tl.uint8))

        tl.debug_barrier()  # the second sweep reads what the first one wrote

        carry = tl.full([1, LANES], _FAR, tl.int32)
        for chunk in range(chunks):
            position = (chunks - 1 - chunk) * CHUNK + tl.arange(0, CHUNK)[:, None]
            exists = (position < length) & (lane < inner)
            offset = line + position.to(tl.int64) * inner
            behind = tl.load(out_ptr + offset, mask=exists, other=1.0)
            # 0 voxels from the last source: on one.
            at = tl.where(behind == 0, position, _FAR)
            following = tl.minimum(tl.associative_scan(at, 0, _smaller, reverse=True), carry)
            voxels = tl.minimum(behind, (following - position).to(tl.float32))
            tl.store(out_ptr + offset, _squared(voxels, length, step), mask=exists)
            carry = tl.minimum(carry, tl.min(at, axis=0, keep_dims=True))


@triton.jit
def _any(ptr, count):  # type: ignore[no-untyped-def]
    """1 if any of so many bytes is not 0."""
    found = tl.full([], 0, tl.int32)
    for start in range(0, count, 1024):
        index = start + tl.arange(0, 1024)
        values = tl.load(ptr + index, mask=index < count, other=0).to(tl.int32)
        found = tl.maximum(found, tl.max(values, 0))
    return found


@triton.jit
def search_kernel(  # type: ignore[no-untyped-def]
    in_ptr,
    out_ptr,
    sources_ptr,
    length,
    inner,
    row_tiles,
    lane_tiles,
    programs_an_image,
    sources_an_image,
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
    plane = program // lane_tiles // row_tiles
    valid = (row < length) & (lane < inner)
    offset = plane * length * inner + row * inner + lane

    # 0 outside the image: what is not stored must not keep the search going.
    best = tl.load(in_ptr + offset, mask=valid, other=0.0)
    furthest = tl.full([], 0, tl.int32) + length
    if tl.max(best) == float("inf"):
        image = program // programs_an_image
        furthest *= _any(sources_ptr + image * sources_an_image, sources_an_image)
    reach = 1
    while (reach < furthest) & (reach * step * (reach * step) < tl.max(best)):
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
