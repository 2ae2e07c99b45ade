"""Signed distance maps of one-hot labels, as the boundary loss uses them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from medabl.geometry.distance_transform import distance_transform_edt


def signed_distance(onehot: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
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
        spacing: voxel size along each spatial axis; default 1.

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
    outer = distance_transform_edt(~inside, spacing)
    inner = distance_transform_edt(inside, spacing)
    signed = torch.where(inside, 1 - inner, outer)
    return signed.masked_fill(signed.isinf(), 0.0)
