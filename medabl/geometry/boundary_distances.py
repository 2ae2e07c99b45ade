"""Distance of every voxel to the boundary of a label map."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from medabl.geometry.distance_transform import Spacing, distance_transform_edt, spacing_per_axis
from medabl.geometry.label_boundaries import check_labels, label_boundary
from medabl.geometry.triton_support import triton_works


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
    check_labels(labels)
    return _boundary_distance(labels, spacing_per_axis(spacing, labels.ndim - 2), ignore_index)


@torch.library.custom_op("medabl::boundary_distance", mutates_args=())
def _boundary_distance(
    labels: torch.Tensor, spacing: Sequence[float], ignore_index: int | None
) -> torch.Tensor:
    return distance_transform_edt(~label_boundary(labels, ignore_index), spacing)


@_boundary_distance.register_kernel("cuda")
def _on_cuda(
    labels: torch.Tensor, spacing: Sequence[float], ignore_index: int | None
) -> torch.Tensor:
    if not triton_works():
        return distance_transform_edt(~label_boundary(labels, ignore_index), spacing)
    from medabl.geometry.distance_transform_triton import boundary_distance_triton

    return boundary_distance_triton(labels, spacing, ignore_index)


@_boundary_distance.register_fake
def _shape_only(
    labels: torch.Tensor, spacing: Sequence[float], ignore_index: int | None
) -> torch.Tensor:
    return torch.empty(labels.shape, dtype=torch.float32, device=labels.device)
