"""Exact Euclidean distance transform in plain PyTorch, for every device."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def distance_transform_torch(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    """Distance of every True voxel to the nearest False voxel of its image.

    Separable: squared distances along the first spatial axis, then along each further axis the
    minimum over all its voxels of (squared distance so far + squared distance along this axis).
    Shapes are static and nothing is read back to the host.

    Args:
        mask: bool, B x C x H x W [x D].
        spacing: voxel size, one number a spatial axis.

    Returns:
        float32 of the same shape; ``inf`` where an image has no False voxel.
    """
    squared = _along_first_axis(mask, spacing[0])
    for axis, step in enumerate(spacing[1:], start=3):
        squared = _along_next_axis(squared, axis, step)
    return squared.sqrt()


def _positions(mask: torch.Tensor, axis: int) -> torch.Tensor:
    """0, 1, 2, ... along ``axis``, float32, shaped to broadcast against ``mask``."""
    shape = [1] * mask.ndim
    shape[axis] = -1
    return torch.arange(mask.shape[axis], dtype=torch.float32, device=mask.device).view(shape)


def _along_first_axis(mask: torch.Tensor, step: float) -> torch.Tensor:
    position = _positions(mask, axis=2)
    last = position.where(~mask, -torch.inf).cummax(dim=2).values
    following = position.where(~mask, torch.inf).flip(2).cummin(dim=2).values.flip(2)
    return (torch.minimum(position - last, following - position) * step).square()


def _along_next_axis(squared: torch.Tensor, axis: int, step: float) -> torch.Tensor:
    position = _positions(squared, axis)
    best = torch.full_like(squared, torch.inf)
    for source in range(squared.shape[axis]):
        reach = ((position - source) * step).square()
        best = torch.minimum(best, squared.narrow(axis, source, 1) + reach)
    return best
