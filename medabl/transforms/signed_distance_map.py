"""Dictionary transform: signed distance of every voxel to each class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.signed_distances import signed_distance
from medabl.transforms.label_map import like_label, output_key_per_key, to_label_map


class SignedDistanceMapd(MapTransform):
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
        spacing: voxel size, in whose unit distances then are: one number, or one for each spatial
            axis; default 1 (distances in voxels).
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

    def __init__(
        self,
        keys: KeysCollection = "label",
        num_classes: int = 2,
        output_keys: KeysCollection = "signed_distance",
        spacing: Spacing = None,
        allow_missing_keys: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = output_key_per_key(output_keys, self.keys)
        self.num_classes = num_classes
        self.spacing = spacing
        self.ignore_index = ignore_index

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a shallow copy of ``data`` with the signed distance maps added."""
        sample = dict(data)
        for key, output_key in self.key_iterator(sample, self.output_keys):
            labels = to_label_map(sample[key], key)
            valid = None if self.ignore_index is None else labels != self.ignore_index
            distance = signed_distance(
                self._onehot(labels, valid, key)[None],
                spacing=self.spacing,
                valid=None if valid is None else valid[None],
            )[0]
            sample[output_key] = like_label(distance, sample[key])
        return sample

    def _onehot(
        self, labels: torch.Tensor, valid: torch.Tensor | None, key: Hashable
    ) -> torch.Tensor:
        """1 x H x W [x D] labels -> bool, num_classes x H x W [x D]."""
        classes = torch.arange(self.num_classes, device=labels.device)
        onehot = labels == classes.view(-1, *[1] * (labels.ndim - 1))
        strange = ~onehot.any(dim=0, keepdim=True)
        if valid is not None:
            strange &= valid
        if strange.any():
            raise ValueError(
                f"'{key}' holds labels other than 0 to {self.num_classes - 1}, such as "
                f"{labels[strange][0].item()}: raise num_classes, map the labels first, or set "
                "ignore_index."
            )
        return onehot
