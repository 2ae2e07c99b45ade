"""What the label transforms share: a label map in, a map of floats beside it out."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.utils import convert_to_dst_type, convert_to_tensor, ensure_tuple

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.voxel_sizes import SpacingOrMeta, resolve_spacing


def to_label_map(labels: np.ndarray | torch.Tensor, key: Hashable) -> torch.Tensor:
    """A plain tensor of the label map under ``key``.

    Args:
        labels: 1 x H x W or 1 x H x W x D.
        key: its key in the sample, for the error message.

    Raises:
        ValueError: the shape is another one.
    """
    plain = convert_to_tensor(labels, track_meta=False)
    if plain.ndim not in (3, 4) or plain.shape[0] != 1:
        raise ValueError(
            f"'{key}' must be 1 x H x W or 1 x H x W x D labels, but its shape is "
            f"{tuple(plain.shape)}."
        )
    return plain


def spacing_of_label(
    spacing: SpacingOrMeta, labels: np.ndarray | torch.Tensor, key: Hashable
) -> Spacing:
    """The voxel size of a label map, C x H x W [x D], from its affine if ``spacing`` is "meta".

    Raises:
        ValueError: it has no affine.
    """
    resolved = resolve_spacing(spacing, labels, f"'{key}'", batched=False)
    return resolved[0] if isinstance(resolved, list) else resolved


def like_label(
    distance: torch.Tensor, labels: np.ndarray | torch.Tensor
) -> torch.Tensor | MetaTensor:
    """``distance`` as a ``MetaTensor`` with the labels' meta data if they have any."""
    if not isinstance(labels, MetaTensor):
        return distance
    return convert_to_dst_type(distance, labels, dtype=distance.dtype)[0]


def output_key_per_key(
    output_keys: KeysCollection, keys: tuple[Hashable, ...]
) -> tuple[Hashable, ...]:
    """``output_keys`` as a tuple.

    Raises:
        ValueError: they are not as many as ``keys``, or not all different.
    """
    outputs: tuple[Hashable, ...] = ensure_tuple(output_keys)
    if len(outputs) != len(keys) or len(set(outputs)) != len(outputs):
        raise ValueError(
            f"output_keys must be {len(keys)} different ones, one for each of keys, but they are "
            f"{outputs}."
        )
    return outputs
