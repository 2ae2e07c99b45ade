"""Exact Euclidean distance transform of batched masks on any device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from medabl.geometry.distance_transform_cpu import distance_transform_cpu
from medabl.geometry.distance_transform_torch import distance_transform_torch
from medabl.geometry.triton_support import triton_works

Spacing = float | Sequence[float] | None
"""Voxel size: one number for all spatial axes, one for each of them, or None for voxels."""


def distance_transform_edt(mask: torch.Tensor, spacing: Spacing = None) -> torch.Tensor:
    """Euclidean distance of every True voxel to the nearest False voxel of its image.

    SciPy's convention (``scipy.ndimage.distance_transform_edt``), for a whole batch at once and on
    the tensor's own device: on the CPU by the ``edt`` package, or SciPy where that is not
    installed; on CUDA by Triton; elsewhere in plain PyTorch. The result is exact to float32
    rounding. It has no gradient; on CUDA it never waits for the device, so that it can be captured
    in a CUDA graph, and ``torch.compile(fullgraph=True)`` takes it as one operator.

    Args:
        mask: B x C x H x W or B x C x H x W x D, bool, or numbers of which all but 0 are True.
            Every channel of every sample is an image of its own.
        spacing: voxel size, in whose unit distances then are: one number, or one for each spatial
            axis; default 1 (distances in voxels).

    Returns:
        float32 of the mask's shape: 0 on False voxels, and ``inf`` throughout an image that has no
        False voxel.

    Raises:
        TypeError: ``mask`` is no tensor, or complex.
        ValueError: ``mask`` has the wrong number of axes, or ``spacing`` the wrong length or a
            number that is not positive and finite.

    Example:
        >>> import torch
        >>> from medabl.geometry import distance_transform_edt
        >>> mask = torch.tensor([0, 1, 1, 1]).view(1, 1, 1, 4)
        >>> distance_transform_edt(mask, spacing=(1.0, 0.5))
        tensor([[[[0.0000, 0.5000, 1.0000, 1.5000]]]])
    """
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"mask must be a torch.Tensor, not {type(mask).__name__}.")
    if mask.is_complex():
        raise TypeError("mask must hold booleans or real numbers, not complex ones.")
    if mask.ndim not in (4, 5):
        raise ValueError(
            f"mask must be B x C x H x W or B x C x H x W x D, but it has {mask.ndim} axes."
        )
    steps = spacing_per_axis(spacing, mask.ndim - 2)
    return _distance_transform(mask if mask.dtype == torch.bool else mask != 0, steps)


def spacing_per_axis(spacing: Spacing, axes: int) -> list[float]:
    """`spacing` as one number for each spatial axis.

    Raises:
        ValueError: it has another number of axes, or is not positive and finite.
    """
    if spacing is None:
        return [1.0] * axes
    if isinstance(spacing, (int, float)):
        spacing = [spacing] * axes
    steps = [float(step) for step in spacing]
    if len(steps) != axes:
        raise ValueError(
            f"spacing must have {axes} numbers, one a spatial axis, but it has {len(steps)}."
        )
    if not all(0 < step < math.inf for step in steps):
        raise ValueError(f"spacing must be positive and finite, but it is {steps}.")
    return steps


@torch.library.custom_op("medabl::distance_transform_edt", mutates_args=())
def _distance_transform(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    return distance_transform_torch(mask, spacing)


@_distance_transform.register_kernel("cpu")
def _on_cpu(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    return distance_transform_cpu(mask, spacing)


@_distance_transform.register_kernel("cuda")
def _on_cuda(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    if not triton_works():
        return distance_transform_torch(mask, spacing)
    from medabl.geometry.distance_transform_triton import distance_transform_triton

    return distance_transform_triton(mask, spacing)


@_distance_transform.register_fake
def _shape_only(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    return torch.empty(mask.shape, dtype=torch.float32, device=mask.device)
