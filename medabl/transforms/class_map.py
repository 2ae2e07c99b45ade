"""The base of the transforms that make a map of each class out of a label map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.voxel_sizes import SpacingOrMeta, as_spacing
from medabl.transforms.label_map import (
    like_label,
    output_key_per_key,
    spacing_of_label,
    to_label_map,
)


class ClassMapTransform(MapTransform):
    """Adds a map with a channel for each class, or for each but the background.

    Args:
        keys: keys of the label maps, 1 x H x W or 1 x H x W x D, arrays or tensors, whole numbers
            from 0 to ``num_classes - 1``.
        num_classes: number of classes, the background included.
        output_keys: where to put the maps (``MetaTensor`` where the labels are), one for each key;
            default `OUTPUT_KEY`.
        spacing: voxel size: one number, one for each spatial axis, or "meta" for that of the
            labels' affine; default 1.
        allow_missing_keys: pass over keys that a sample does not have.
        ignore_index: label whose voxels belong to no class.

    Raises:
        KeyError: a sample lacks a key and ``allow_missing_keys`` is False.
        ValueError: a label map has the wrong shape or a label that is no class, or ``output_keys``
            the wrong length.
    """

    OUTPUT_KEY: ClassVar[str]
    """The keyword under which a loss takes the map."""

    def __init__(
        self,
        keys: KeysCollection = "label",
        num_classes: int = 2,
        output_keys: KeysCollection | None = None,
        spacing: SpacingOrMeta = None,
        allow_missing_keys: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = output_key_per_key(output_keys or self.OUTPUT_KEY, self.keys)
        self.num_classes = num_classes
        self.spacing = as_spacing(spacing)
        self.ignore_index = ignore_index

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a shallow copy of ``data`` with the maps added."""
        sample = dict(data)
        for key, output_key in self.key_iterator(sample, self.output_keys):
            labels = to_label_map(sample[key], key)
            valid = None if self.ignore_index is None else labels != self.ignore_index
            onehot = self._onehot(labels, valid, key)[None]
            spacing = spacing_of_label(self.spacing, sample[key], key)
            maps = self._maps(onehot, None if valid is None else valid[None], spacing)[0]
            sample[output_key] = like_label(maps, sample[key])
        return sample

    @abstractmethod
    def _maps(
        self, onehot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        """1 x num_classes x H x W [x D] one-hot (bool) -> 1 x channels x H x W [x D]."""

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
        return onehot if valid is None else onehot & valid
