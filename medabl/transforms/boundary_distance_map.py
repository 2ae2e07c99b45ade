"""Dictionary transform: distance of every voxel to the label boundary."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from medabl.geometry.boundary_distances import boundary_distance
from medabl.geometry.voxel_sizes import SpacingOrMeta, as_spacing
from medabl.transforms.label_map import (
    like_label,
    output_key_per_key,
    spacing_of_label,
    to_label_map,
)


class BoundaryDistanceMapd(MapTransform):
    r"""Add the distance map of a label map, ready for ``ActiveBoundaryLoss(distance_map=...)``.

    .. math::
        M_i = \min_{j \in \partial\Omega} \lVert i - j \rVert_2

    where :math:`\partial\Omega` are the voxels whose label differs from that of their forward
    neighbour along some axis; ``inf`` where the image has no boundary.

    Put it **after** every transform that moves voxels, flips and quarter turns too: the boundary
    lies on the near side of the step between two voxels, so that the map of a flipped label is not
    the flipped map, but one voxel off. (Exchanging two axes of equal spacing is the one move that
    keeps it.) Where nothing moves it may come first: it is deterministic, so that MONAI's
    ``CacheDataset`` and ``PersistentDataset`` compute it once a sample.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors.
        output_keys: where to put the maps (float32 tensors of the labels' shape; ``MetaTensor``
            where the labels are), one for each key.
        spacing: voxel size, in whose unit distances then are: one number, one for each spatial
            axis, or "meta" for that of the labels' affine; default 1 (distances in voxels).
        ignore_index: label whose voxels are on no boundary and make none.
        allow_missing_keys: pass over keys that a sample does not have.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape, or no affine with ``spacing="meta"``;
            ``output_keys`` has the wrong length.

    Example:
        >>> import torch
        >>> from medabl.transforms import BoundaryDistanceMapd
        >>> sample = {"label": torch.tensor([[[0, 0, 0, 1, 1]]])}
        >>> BoundaryDistanceMapd(keys="label")(sample)["boundary_distance"]
        tensor([[[2., 1., 0., 1., 2.]]])
    """

    def __init__(
        self,
        keys: KeysCollection = "label",
        output_keys: KeysCollection = "boundary_distance",
        spacing: SpacingOrMeta = None,
        ignore_index: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = output_key_per_key(output_keys, self.keys)
        self.spacing = as_spacing(spacing)
        self.ignore_index = ignore_index

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a shallow copy of ``data`` with the distance maps added."""
        sample = dict(data)
        for key, output_key in self.key_iterator(sample, self.output_keys):
            labels = to_label_map(sample[key], key)
            spacing = spacing_of_label(self.spacing, sample[key], key)
            distance = boundary_distance(labels[None], spacing, self.ignore_index)[0]
            sample[output_key] = like_label(distance, sample[key])
        return sample
