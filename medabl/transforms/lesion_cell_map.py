"""Dictionary transform: the lesion nearest to every voxel."""

from __future__ import annotations

import torch

from medabl.geometry.components import connected_components, nearest_component
from medabl.geometry.distance_transform import Spacing
from medabl.transforms.class_map import ClassMapTransform


class LesionCellMapd(ClassMapTransform):
    """Add the Voronoi cells of the lesions, ready for ``CCDiceCELoss(cell_map=...)``.

    A lesion is a connected component (8-connected in 2D, 26-connected in 3D) of a class other than
    the background; every voxel gets the number of the nearest one. Flips and quarter turns may
    come after it if they move the map along; everything else that moves voxels comes before.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors, whole numbers
            from 0 to ``num_classes - 1``.
        num_classes: number of classes, the background included.
        output_keys: where to put the maps (int32 tensors, ``num_classes - 1`` x H x W [x D], 0
            where a class has no lesion; ``MetaTensor`` where the labels are), one for each key.
        spacing: voxel size: one number, one for each spatial axis, or "meta" for that of the
            labels' affine; default 1.
        allow_missing_keys: pass over keys that a sample does not have.
        ignore_index: label whose voxels belong to no lesion.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape or a label that is no class, or ``output_keys``
            the wrong length.

    Example:
        >>> from medabl.transforms import LesionCellMapd
        >>> sample = {"label": torch.tensor([[[1, 0, 0, 0, 0, 1, 1]]])}
        >>> LesionCellMapd("label")(sample)["cell_map"]
        tensor([[[1, 1, 1, 2, 2, 2, 2]]], dtype=torch.int32)
    """

    OUTPUT_KEY = "cell_map"

    def _maps(
        self, onehot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return nearest_component(connected_components(onehot[:, 1:]), spacing)
