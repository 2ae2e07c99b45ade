"""Dictionary transform: signed distance of every voxel to each class."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.signed_distances import signed_distance
from medabl.transforms.class_map import ClassMapTransform


class SignedDistanceMapd(ClassMapTransform):
    r"""Add the signed distance maps of a label map, ready for ``BoundaryLoss(distance_map=...)``.

    .. math::
        \phi_c(i) = d(i, \Omega_c) \text{ outside class } c, \quad
        -(d(i, \bar\Omega_c) - 1) \text{ inside}

    and 0 where the class is absent or fills the image (see
    :func:`medabl.geometry.signed_distance`).

    Put it after the transforms that change distances (crops, scalings, deformations, and quarter
    turns where the spacing differs between the axes). Flips, and quarter turns at equal spacing,
    may come after it if they move the map along (unlike that of `BoundaryDistanceMapd`): the map
    of a flipped label is the flipped map. It is deterministic, so that MONAI's ``CacheDataset``
    and ``PersistentDataset`` compute it once a sample.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors, whole numbers
            from 0 to ``num_classes - 1``.
        num_classes: number of classes, the background included.
        output_keys: where to put the maps (float32 tensors, ``num_classes`` x H x W [x D];
            ``MetaTensor`` where the labels are), one for each key.
        spacing: voxel size, in whose unit distances then are: one number, one for each spatial
            axis, or "meta" for that of the labels' affine; default 1 (distances in voxels).
        ignore_index: label whose voxels belong to no class and bound none; their map is 0.
        allow_missing_keys: pass over keys that a sample does not have.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape or a label that is no class, or ``output_keys``
            the wrong length.

    Example:
        >>> import torch
        >>> from medabl.transforms import SignedDistanceMapd
        >>> sample = {"label": torch.tensor([[[0, 0, 0, 1, 1]]])}
        >>> SignedDistanceMapd(keys="label", num_classes=2)(sample)["signed_distance"]
        tensor([[[-2., -1.,  0.,  1.,  2.]],
        <BLANKLINE>
                [[ 3.,  2.,  1.,  0., -1.]]])
    """

    OUTPUT_KEY = "signed_distance"

    def _maps(
        self, onehot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return signed_distance(onehot, spacing, valid)
