"""Signed distance maps of one-hot labels, as the boundary loss uses them."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing, distance_transform_edt


def signed_distance(
    onehot: torch.Tensor, spacing: Spacing = None, valid: torch.Tensor | None = None
) -> torch.Tensor:
    r"""Signed Euclidean distance to each class, as in Kervadec's ``one_hot2dist``.

    .. math::
        \phi_c(i) = \begin{cases}
            d(i, \Omega_c) & i \notin \Omega_c \\
            -(d(i, \bar\Omega_c) - 1) & i \in \Omega_c
        \end{cases}

    with :math:`\Omega_c` the voxels of class c and :math:`\bar\Omega_c` all others (Kervadec et
    al., "Boundary loss for highly unbalanced segmentation", MIDL 2019). With ``spacing`` d is in
    its unit and the 1 stays 1.

    A class that is absent from an image has the map 0 there, and so has a class that fills it: an
    image without a boundary has no distance to one. (For a class that fills the image Kervadec's
    code keeps what SciPy returns for a mask without background, which is undefined.)

    Args:
        onehot: B x C x H x W [x D], bool, or numbers of which all but 0 are True.
        spacing: voxel size, one number or one for each spatial axis; default 1.
        valid: B x 1 x H x W [x D] bool; voxels that are not valid belong to no class, are not
            outside of any either, and have the map 0.

    Returns:
        float32 of the same shape, always finite.

    Raises:
        TypeError, ValueError: as :func:`medabl.geometry.distance_transform_edt`.

    Example:
        >>> import torch
        >>> from medabl.geometry import signed_distance
        >>> onehot = torch.tensor([0, 1, 1, 1, 0, 0]).view(1, 1, 1, 6)
        >>> signed_distance(onehot)
        tensor([[[[ 1.,  0., -1.,  0.,  1.,  2.]]]])
    """
    inside = onehot != 0
    not_outside = inside
    if valid is not None:
        inside = inside & valid
        not_outside = inside | ~valid
    outer = distance_transform_edt(~inside, spacing)
    inner = distance_transform_edt(not_outside, spacing)
    signed = torch.where(inside, 1 - inner, outer)
    unknown = signed.isinf() if valid is None else signed.isinf() | ~valid
    return signed.masked_fill(unknown, 0.0)
