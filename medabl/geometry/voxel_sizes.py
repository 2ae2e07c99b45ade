"""Voxel sizes out of affine matrices, and distances where they differ from image to image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from medabl.geometry.distance_transform import Spacing

META = "meta"
"""Stands for the voxel sizes that a MetaTensor's affine tells, image by image."""

SpacingOrMeta = Spacing | str
"""A `Spacing`, or `META`."""

VoxelSizes = list[tuple[float, ...]]
"""The voxel size of every image of a batch."""


def as_spacing(spacing: SpacingOrMeta) -> SpacingOrMeta:
    """`spacing` in a form that does not change with what it was made of.

    Raises:
        ValueError: for a text other than "meta", and for what is no positive length.
    """
    if spacing is None or (isinstance(spacing, str) and spacing == META):
        return spacing
    sizes: Sequence[Any] = (spacing,) if isinstance(spacing, (int, float)) else tuple(spacing)
    try:
        sound = all(not isinstance(x, bool) and 0 < float(x) < math.inf for x in sizes)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f'spacing must be positive numbers in mm, or "{META}", got {spacing!r}.')
    return spacing if isinstance(spacing, (int, float)) else sizes


def voxel_sizes(affine: torch.Tensor, images: int, axes: int) -> VoxelSizes:
    """The length of an affine's columns: the voxel size of every image of a batch.

    Args:
        affine: one for all images, or images x 4 x 4 as MONAI collates them.
        images: how many there are.
        axes: number of spatial axes.
    """
    matrices = affine.as_subclass(torch.Tensor).reshape(-1, *affine.shape[-2:])
    sizes = matrices[:, :-1, :axes].double().norm(dim=1)
    return [tuple(row) for row in sizes.expand(images, axes).tolist()]


def resolve_spacing(
    spacing: SpacingOrMeta, labels: Any, name: str, batched: bool = True
) -> Spacing | VoxelSizes:
    """The spacing, looked up in the metadata of `labels` where it is `META`.

    Args:
        spacing: numbers, None or `META`.
        labels: B x C x ..., or C x ... if not `batched`.
        name: what to call them in the error message.
        batched: whether the first axis is that of the images.

    Raises:
        ValueError: if `labels` carry no affine.
    """
    if not isinstance(spacing, str):
        return spacing
    affine = getattr(labels, "affine", None)
    if affine is None:
        raise ValueError(
            f'spacing="{META}" takes the voxel sizes from the affine of {name}, but a'
            f" {type(labels).__name__} has none: pass a monai.data.MetaTensor, as MONAI's loaders"
            " make it, or give spacing in mm."
        )
    images = len(labels) if batched else 1
    return voxel_sizes(affine, images, labels.ndim - 1 - int(batched))


def by_size(
    distances: Callable[..., torch.Tensor],
    spacing: Spacing | VoxelSizes,
    *masks: torch.Tensor | None,
) -> torch.Tensor:
    """Distances in a batch, image by image where their voxel sizes differ.

    Args:
        distances: called with the masks of some images and their spacing.
        spacing: one for all images, or the size of each.
        masks: N x ... or None; as many in a row are an image's as it takes.

    Returns:
        what `distances` returns, N x ....
    """
    if not isinstance(spacing, list):
        return distances(*masks, spacing)
    if len(set(spacing)) <= 1:
        return distances(*masks, spacing[0] if spacing else None)
    cases = [[None] * len(spacing) if m is None else m.chunk(len(spacing)) for m in masks]
    return torch.cat([distances(*case) for case in zip(*cases, spacing, strict=True)])
