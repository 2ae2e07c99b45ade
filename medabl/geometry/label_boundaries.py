"""The boundary of a label map."""

from __future__ import annotations

import torch


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
    check_labels(labels)
    return _label_boundary(labels, ignore_index)


def check_labels(labels: torch.Tensor) -> None:
    """Refuse what is no label map.

    Raises:
        ValueError: if `labels` is not B x 1 x H x W [x D].
    """
    if labels.ndim not in (4, 5) or labels.shape[1] != 1:
        raise ValueError(
            f"labels must have the shape B x 1 x H x W [x D], got {tuple(labels.shape)}."
        )


# An operator, since what torch.compile's default backend makes of it on the CPU does not compile
# (masked comparisons of integers; seen with torch 2.13).
@torch.library.custom_op("medabl::label_boundary", mutates_args=())
def _label_boundary(labels: torch.Tensor, ignore_index: int | None) -> torch.Tensor:
    known = None if ignore_index is None else labels != ignore_index
    boundary = torch.zeros(labels.shape, dtype=torch.bool, device=labels.device)
    for axis in range(2, labels.ndim):
        last = labels.shape[axis] - 1
        differs = labels.narrow(axis, 1, last) != labels.narrow(axis, 0, last)
        if known is not None:
            differs &= known.narrow(axis, 1, last) & known.narrow(axis, 0, last)
        boundary.narrow(axis, 0, last).logical_or_(differs)
    return boundary


@_label_boundary.register_fake
def _(labels: torch.Tensor, ignore_index: int | None) -> torch.Tensor:
    return torch.empty(labels.shape, dtype=torch.bool, device=labels.device)
