"""The boundary of a label map."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def label_boundary(labels: torch.Tensor, ignore_index: int | None = None) -> torch.Tensor:
    """Mark the voxels whose label differs from that of a forward neighbour.

    Voxel i is marked if the next voxel along any spatial axis carries another label, so a straight
    boundary between two regions is one voxel thick (Wang et al., AAAI 2022: ground-truth boundary).

    Args:
        labels: B x 1 x H x W [x D] labels of any dtype.
        ignore_index: voxels with this label are on no boundary and make none.

    Returns:
        bool tensor of the shape of `labels`.

    Raises:
        ValueError: if `labels` is not B x 1 x H x W [x D].

    Example:
        >>> label_boundary(torch.tensor([[[[0, 0, 1, 1]]]]))
        tensor([[[[False,  True, False, False]]]])
    """
    if labels.ndim not in (4, 5) or labels.shape[1] != 1:
        raise ValueError(
            f"labels must have the shape B x 1 x H x W [x D], got {tuple(labels.shape)}."
        )
    known = None if ignore_index is None else labels != ignore_index
    boundary = torch.zeros_like(labels, dtype=torch.bool)
    for axis in range(2, labels.ndim):
        last = labels.shape[axis] - 1
        differs = labels.narrow(axis, 1, last) != labels.narrow(axis, 0, last)
        if known is not None:
            differs = differs & known.narrow(axis, 1, last) & known.narrow(axis, 0, last)
        # Nothing is written in place, which torch.compile turns into code that does not compile.
        at_the_end = [0, 0] * (labels.ndim - 1 - axis) + [0, 1]
        boundary = boundary | F.pad(differs, at_the_end)
    return boundary
