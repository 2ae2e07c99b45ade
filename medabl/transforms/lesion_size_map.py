"""Dictionary transform: the size of the lesion that a voxel belongs to."""

from __future__ import annotations

import torch
from monai.config import KeysCollection

from medabl.geometry.components import component_sizes, connected_components
from medabl.geometry.distance_transform import Spacing
from medabl.transforms.class_map import ClassMapTransform


class LesionSizeMapd(ClassMapTransform):
    """Add the sizes of the lesions, ready for ``ComponentTverskyLoss(size_map=...)``.

    A lesion is a connected component (8-connected in 2D, 26-connected in 3D) of a class other than
    the background; its size is its number of voxels. Flips and quarter turns may come after it if
    they move the map along; everything else that moves voxels comes before.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors, whole numbers
            from 0 to ``num_classes - 1``.
        num_classes: number of classes, the background included.
        output_keys: where to put the maps (int64 tensors, ``num_classes - 1`` x H x W [x D], 0
            outside the lesions; ``MetaTensor`` where the labels are), one for each key.
        allow_missing_keys: pass over keys that a sample does not have.
        ignore_index: label whose voxels belong to no lesion.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape or a label that is no class, or ``output_keys``
            the wrong length.

    Example:
        >>> from medabl.transforms import LesionSizeMapd
        >>> sample = {"label": torch.tensor([[[1, 0, 0, 0, 0, 1, 1]]])}
        >>> LesionSizeMapd("label")(sample)["size_map"]
        tensor([[[1, 0, 0, 0, 0, 2, 2]]])
    """

    OUTPUT_KEY = "size_map"

    def __init__(
        self,
        keys: KeysCollection = "label",
        num_classes: int = 2,
        output_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(keys, num_classes, output_keys, None, allow_missing_keys, ignore_index)

    def _maps(
        self, onehot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return component_sizes(connected_components(onehot[:, 1:]))
