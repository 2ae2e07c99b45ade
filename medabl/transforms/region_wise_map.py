"""Dictionary transform: rectified region-wise map of each class."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.region_wise import region_wise_map
from medabl.transforms.class_map import ClassMapTransform


class RegionWiseMapd(ClassMapTransform):
    """Add the region-wise maps of a label map, ready for ``RegionWiseLoss(region_map=...)``.

    A class has +1 outside and minus its depth, relative to its deepest voxel, inside (see
    :func:`medabl.geometry.region_wise_map`). Flips, and quarter turns at equal spacing, may come
    after it if they move the map along; everything else that moves voxels comes before.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors, whole numbers
            from 0 to ``num_classes - 1``.
        num_classes: number of classes, the background included.
        output_keys: where to put the maps (float32 tensors, ``num_classes`` x H x W [x D];
            ``MetaTensor`` where the labels are), one for each key.
        spacing: voxel size: one number, one for each spatial axis, or "meta" for that of the
            labels' affine; default 1.
        allow_missing_keys: pass over keys that a sample does not have.
        ignore_index: label whose voxels belong to no class and bound none; their map is 0.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape or a label that is no class, or ``output_keys``
            the wrong length.

    Example:
        >>> from medabl.transforms import RegionWiseMapd
        >>> sample = {"label": torch.tensor([[[0, 0, 0, 1, 1, 1, 0]]])}
        >>> RegionWiseMapd("label")(sample)["region_map"][1]
        tensor([[ 1.0000,  1.0000,  1.0000, -0.5000, -1.0000, -0.5000,  1.0000]])
    """

    OUTPUT_KEY = "region_map"

    def _maps(
        self, onehot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return region_wise_map(onehot, spacing, valid)
