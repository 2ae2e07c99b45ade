"""Distance of every voxel to the boundary of a label map."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing, distance_transform_edt
from medabl.geometry.label_boundaries import label_boundary


@torch.no_grad()
def boundary_distance(
    labels: torch.Tensor,
    spacing: Spacing = None,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Exact Euclidean distance of every voxel to the label boundary: the map M of the paper.

    Args:
        labels: B x 1 x H x W [x D] labels.
        spacing: voxel size in mm, one number or one for each spatial axis; distances are then in
            mm, else in voxels.
        ignore_index: voxels with this label are on no boundary and make none.

    Returns:
        float32 tensor of the shape of `labels`: 0 on the boundary, `inf` everywhere in an image
        that has none.

    Raises:
        ValueError: if `labels` is not B x 1 x H x W [x D].

    Example:
        >>> boundary_distance(torch.tensor([[[[0, 0, 1, 1]]]]))
        tensor([[[[1., 0., 1., 2.]]]])
    """
    return distance_transform_edt(~label_boundary(labels, ignore_index), spacing)
