"""How deep a 3D U-Net is, and which axes it halves, for a patch of anisotropic voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_SMALLEST = 4  # voxels that an axis keeps at the bottom
_MOST_FILTERS = 320


def dynunet_levels(
    patch_size: Sequence[int], spacing: Sequence[float] | None = None, width: int = 32
) -> dict[str, Any]:
    """The levels of a `monai.networks.nets.DynUNet`, planned as nnU-Net plans its own.

    From level to level every axis is halved that keeps at least four voxels, and whose voxels are
    less than twice as long as the shortest of these axes; kernels are 1 voxel wide along axes whose
    voxels are at least twice as long as the shortest (Isensee et al., Nature Methods 2021). An axis
    is halved as long as its size is even, so that any patch fits. All levels but the coarsest
    two have an output under deep supervision.

    Args:
        patch_size: in voxels, one number for each spatial axis.
        spacing: voxel size in mm, one number for each spatial axis; None: equal ones.
        width: filters of the first level, doubled from level to level up to 320.

    Returns:
        DynUNet's arguments `kernel_size`, `strides`, `upsample_kernel_size`, `filters` and
        `deep_supr_num`.

    Raises:
        ValueError: if the patch is too small for the three levels that DynUNet needs at least.

    Example:
        >>> levels = dynunet_levels((32, 32, 8), (1, 1, 3), width=8)
        >>> levels["strides"]
        [[1, 1, 1], [2, 2, 1], [2, 2, 2], [2, 2, 1]]
        >>> levels["kernel_size"], levels["filters"]
        ([[3, 3, 1], [3, 3, 3], [3, 3, 3], [3, 3, 3]], [8, 16, 32, 64])
    """
    size, mm = list(patch_size), [1.0] * len(patch_size) if spacing is None else list(spacing)
    strides, kernels = [[1] * len(size)], [_kernel(mm)]
    while any(stride := _stride(size, mm)):
        halved = [2 if half else 1 for half in stride]
        size = [n // s for n, s in zip(size, halved, strict=True)]
        mm = [length * s for length, s in zip(mm, halved, strict=True)]
        strides.append(halved)
        kernels.append(_kernel(mm))
    if len(strides) < 3:
        raise ValueError(
            f"image_size (the patch) is too small for a 3D U-Net, got {tuple(patch_size)}: two"
            f" halvings have to leave {_SMALLEST} voxels of an axis at least."
        )
    return {
        "kernel_size": kernels,
        "strides": strides,
        "upsample_kernel_size": strides[1:],
        "filters": [min(width * 2**level, _MOST_FILTERS) for level in range(len(strides))],
        "deep_supr_num": len(strides) - 2,
    }


def _stride(size: Sequence[int], mm: Sequence[float]) -> list[bool]:
    """Which axes are halved next."""
    roomy = [n >= 2 * _SMALLEST and n % 2 == 0 for n in size]
    finest = min((length for length, room in zip(mm, roomy, strict=True) if room), default=0.0)
    return [room and length < 2 * finest for length, room in zip(mm, roomy, strict=True)]


def _kernel(mm: Sequence[float]) -> list[int]:
    return [3 if length < 2 * min(mm) else 1 for length in mm]
