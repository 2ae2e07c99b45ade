"""Exact Euclidean distance transform on CUDA, a Triton kernel for each spatial axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import triton

from medabl.geometry.distance_transform_kernels import scan_kernel, search_kernel

_SCAN_TILE = 4096
_SEARCH_TILE = 512
_LANES = 32
# So many neighbouring values are read in one piece.
_FEWEST_LANES = 8


def distance_transform_triton(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    """Distance of every True voxel to the nearest False voxel of its image.

    A kernel launch a spatial axis: the first axis by scans in both directions, every further one by
    a search outwards from each voxel that stops as soon as the reach alone exceeds the best squared
    distance in its tile, or at once in an image without a False voxel. Only sums and minima of
    non-negative squares are taken, so that the result is exact to float32 rounding. Nothing is read
    back to the host.

    Args:
        mask: bool, B x C x H x W [x D], on a CUDA device.
        spacing: voxel size, one number a spatial axis.

    Returns:
        float32 of the same shape; ``inf`` where an image has no False voxel.
    """
    return _distances(mask, spacing, labels=False)


def boundary_distance_triton(
    labels: torch.Tensor, spacing: Sequence[float], ignore_index: int | None
) -> torch.Tensor:
    """Distance of every voxel to the boundary of its label map, which the first scan finds.

    Args:
        labels: B x 1 x H x W [x D] real numbers, on a CUDA device.
        spacing: voxel size, one number a spatial axis.
        ignore_index: voxels with this label are on no boundary and make none.

    Returns:
        float32 of the same shape; ``inf`` where an image has no boundary.
    """
    return _distances(labels, spacing, labels=True, ignored=ignore_index)


def _distances(
    image: torch.Tensor, spacing: Sequence[float], *, labels: bool, ignored: int | None = None
) -> torch.Tensor:
    distance = torch.empty(image.shape, dtype=torch.float32, device=image.device)
    if image.numel() == 0:
        return distance
    if image.dtype == torch.bool:
        image = image.view(torch.uint8)
    with torch.cuda.device_of(image):
        sources = _scan_first_axis(image.contiguous(), distance, spacing[0], labels, ignored)
        for axis, step in enumerate(spacing[1:], start=3):
            squared, distance = distance, torch.empty_like(distance)
            _search_axis(squared, distance, sources, axis, step, root=axis == image.ndim - 1)
    return distance


def _scan_first_axis(
    image: torch.Tensor, squared: torch.Tensor, step: float, labels: bool, ignored: int | None
) -> torch.Tensor:
    """Fill in `squared`; returns B x C x N bytes, 0 where no source was found."""
    length, inner = image.shape[2], prod(image.shape[3:])
    whole = triton.next_power_of_2(length)
    lanes = min(_LANES, max(_FEWEST_LANES, _SCAN_TILE // whole), triton.next_power_of_2(inner))
    if whole * lanes > _SCAN_TILE:
        lanes = min(_LANES, triton.next_power_of_2(inner))
    chunk = min(_SCAN_TILE // lanes, whole)
    lane_tiles = triton.cdiv(inner, lanes)
    sources = squared.new_empty((*image.shape[:2], lane_tiles), dtype=torch.uint8)
    scan_kernel[(sources.numel(),)](
        image,
        squared,
        sources,
        length,
        inner,
        prod(image.shape[4:]),
        lane_tiles,
        step,
        0 if ignored is None else _as_stored(ignored, image.dtype),
        LABELS=labels,
        IGNORING=ignored is not None,
        ONCE=chunk == whole,
        CHUNK=chunk,
        LANES=lanes,
        num_warps=_warps(chunk * lanes),
    )
    return sources


def _search_axis(
    squared: torch.Tensor,
    out: torch.Tensor,
    sources: torch.Tensor,
    axis: int,
    step: float,
    root: bool,
) -> None:
    outer, length = prod(squared.shape[:axis]), squared.shape[axis]
    inner = prod(squared.shape[axis + 1 :])
    lanes = min(_LANES, triton.next_power_of_2(inner))
    rows = min(_SEARCH_TILE // lanes, triton.next_power_of_2(length))
    row_tiles, lane_tiles = triton.cdiv(length, rows), triton.cdiv(inner, lanes)
    search_kernel[(outer * row_tiles * lane_tiles,)](
        squared,
        out,
        sources,
        length,
        inner,
        row_tiles,
        lane_tiles,
        prod(squared.shape[2:axis]) * row_tiles * lane_tiles,
        sources.shape[2],
        step,
        ROOT=root,
        ROWS=rows,
        LANES=lanes,
        num_warps=_warps(rows * lanes),
    )


def _as_stored(label: int, dtype: torch.dtype) -> int:
    """The label that PyTorch compares with: in uint8, 255 for -1."""
    return label if dtype.is_floating_point else int(torch.tensor(label).to(dtype))


def _warps(tile: int) -> int:
    return max(1, min(8, tile // 128))
