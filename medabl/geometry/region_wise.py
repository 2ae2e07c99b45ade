"""Rectified region-wise maps of one-hot labels."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing, distance_transform_edt


def region_wise_map(
    onehot: torch.Tensor, spacing: Spacing = None, valid: torch.Tensor | None = None
) -> torch.Tensor:
    r"""Deep inside a class -1, near its rim almost 0, outside +1.

    .. math::
        M_c(i) = \begin{cases}
            1 & i \notin \Omega_c \\
            -d(i, \bar\Omega_c) / \max_{j \in \Omega_c} d(j, \bar\Omega_c) & i \in \Omega_c
        \end{cases}

    with :math:`\Omega_c` the voxels of class c in an image and :math:`\bar\Omega_c` all others
    (Valverde & Tohka, "Region-wise loss for biomedical image segmentation", Pattern Recognition
    2023; the maximum is of each image and class, as in their code). A class that fills the image
    has no distances and the map -1; in their code that depends on what SciPy makes of it.

    Args:
        onehot: B x C x H x W [x D], bool, or numbers of which all but 0 are True.
        spacing: voxel size, one number or one for each spatial axis; default 1.
        valid: B x 1 x H x W [x D] bool; voxels that are not valid belong to no class, are not
            outside of any either, and have the map 0.

    Returns:
        float32 of the same shape, from -1 to 1.

    Raises:
        TypeError, ValueError: as :func:`medabl.geometry.distance_transform_edt`.

    Example:
        >>> onehot = torch.tensor([0, 1, 1, 1, 0, 0]).view(1, 1, 1, 6)
        >>> region_wise_map(onehot)
        tensor([[[[ 1.0000, -0.5000, -1.0000, -0.5000,  1.0000,  1.0000]]]])
    """
    inside = onehot != 0
    not_outside = inside
    if valid is not None:
        inside = inside & valid
        not_outside = inside | ~valid
    depth = distance_transform_edt(not_outside, spacing)
    depth = depth.masked_fill(depth.isinf(), 1.0).where(inside, 0)
    deepest = depth.flatten(2).amax(2).clamp_min(torch.finfo(depth.dtype).tiny)
    relative = depth / deepest.view(*deepest.shape, *[1] * (depth.ndim - 2))
    values = torch.where(inside, -relative, 1.0)
    return values if valid is None else values.where(valid, 0)
