"""Connected components of masks, their sizes, and which of them is nearest to every voxel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from scipy import ndimage

from medabl.geometry.distance_transform import Spacing, spacing_per_axis


def connected_components(mask: torch.Tensor) -> torch.Tensor:
    """Number the connected components of every image, diagonals included.

    Components are 8-connected in 2D and 26-connected in 3D (``scipy.ndimage.label``, on the CPU
    wherever the mask is). ``torch.compile(fullgraph=True)`` takes it as one operator.

    Args:
        mask: B x C x H x W [x D], bool, or numbers of which all but 0 are True. Every channel of
            every sample is an image of its own.

    Returns:
        int32 of the same shape: 1 to the number of components of the image, 0 where there is none.

    Raises:
        ValueError: the mask has the wrong number of axes.

    Example:
        >>> mask = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1]]).view(1, 1, 2, 4)
        >>> connected_components(mask)
        tensor([[[[1, 0, 0, 2],
                  [0, 1, 0, 2]]]], dtype=torch.int32)
    """
    if mask.ndim not in (4, 5):
        raise ValueError(f"mask must be B x C x H x W [x D], but it has {mask.ndim} axes.")
    return _label(mask != 0)


def nearest_component(components: torch.Tensor, spacing: Spacing = None) -> torch.Tensor:
    """The Voronoi cells of components: the number of the one nearest to every voxel.

    Args:
        components: B x C x H x W [x D] as `connected_components` gives them.
        spacing: voxel size, one number or one for each spatial axis; default 1.

    Returns:
        int32 of the same shape, 0 throughout an image without components. Of equally near
        components it is one of them.

    Raises:
        ValueError: ``spacing`` has the wrong length or a number that is not positive and finite.

    Example:
        >>> nearest_component(torch.tensor([1, 0, 0, 0, 0, 2]).view(1, 1, 1, 6))
        tensor([[[[1, 1, 1, 2, 2, 2]]]], dtype=torch.int32)
    """
    return _nearest(components.int(), spacing_per_axis(spacing, components.ndim - 2))


def component_sizes(components: torch.Tensor) -> torch.Tensor:
    """The number of voxels of the component that a voxel belongs to.

    Args:
        components: B x C x H x W [x D] as `connected_components` gives them.

    Returns:
        int64 of the same shape, 0 outside the components.

    Example:
        >>> component_sizes(torch.tensor([1, 0, 0, 2, 2, 2]).view(1, 1, 1, 6))
        tensor([[[[1, 0, 0, 3, 3, 3]]]])
    """
    numbers = components.flatten(2).long()
    counts = numbers.new_zeros(*numbers.shape[:2], most_components(components.shape[2:]) + 1)
    counts.scatter_add_(2, numbers, (numbers > 0).long())
    return counts.gather(2, numbers).view(components.shape)


def most_components(spatial: Sequence[int]) -> int:
    """How many components an image of this size can have: of 2 x 2 [x 2] voxels all touch."""
    return math.prod([(side + 1) // 2 for side in spatial])


@torch.library.custom_op("medabl::connected_components", mutates_args=())
def _label(mask: torch.Tensor) -> torch.Tensor:
    components = torch.zeros(mask.shape, dtype=torch.int32)
    touching = ndimage.generate_binary_structure(mask.ndim - 2, mask.ndim - 2)
    images = zip(mask.cpu().flatten(0, 1), components.flatten(0, 1), strict=True)
    for image, numbers in images:
        ndimage.label(image.numpy(), touching, output=numbers.numpy())
    return components.to(mask.device)


@torch.library.custom_op("medabl::nearest_component", mutates_args=())
def _nearest(components: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    numbers = components.cpu()
    nearest = numbers.clone()
    for image, cells in zip(numbers.flatten(0, 1), nearest.flatten(0, 1), strict=True):
        # With one component or none there is nothing to measure.
        if image.max() <= 1:
            cells.fill_(image.max())
            continue
        where = ndimage.distance_transform_edt(
            image.numpy() == 0, spacing, return_distances=False, return_indices=True
        )
        cells.copy_(image[tuple(torch.from_numpy(where).long())])
    return nearest.to(components.device)


@_label.register_fake
@_nearest.register_fake
def _shape_only(image: torch.Tensor, spacing: Sequence[float] = ()) -> torch.Tensor:
    return torch.empty(image.shape, dtype=torch.int32, device=image.device)
