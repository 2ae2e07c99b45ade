"""From the batches of a MONAI metric to masks, label maps and voxel sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from medabl.geometry.voxel_sizes import voxel_sizes
from medabl.metrics.labels import check_labels, class_mask, has_fractions

__all__ = [
    "check_pair",
    "class_indices",
    "class_masks",
    "count_foreground",
    "spacing_of",
    "without_metadata",
]

_AXES = {2: "B x C x H x W", 3: "B x C x H x W x D"}


def check_pair(y_pred: Tensor, y: Tensor | None, spatial_dims: Sequence[int] = (2, 3)) -> Tensor:
    """The reference `y`, if it is there and matches `y_pred` in all but the number of channels.

    Args:
        y_pred: B x C x ... prediction.
        y: B x C x ... reference.
        spatial_dims: how many spatial axes there may be.

    Raises:
        ValueError: if it does not, or if the number of axes is another one.
    """
    if y is None or y_pred.shape[:1] + y_pred.shape[2:] != y.shape[:1] + y.shape[2:]:
        raise ValueError(
            "y_pred and y must have one batch size and spatial shape, got "
            f"{tuple(y_pred.shape)} and {None if y is None else tuple(y.shape)}."
        )
    if y.ndim - 2 not in spatial_dims:
        axes = " or ".join(_AXES[dims] for dims in spatial_dims)
        raise ValueError(f"y must be {axes}, channel first, got shape {tuple(y.shape)}.")
    return y


def class_masks(batch: Tensor, classes: Sequence[int] | None, name: str) -> Iterator[Tensor]:
    """The masks of a batch, one class after the other.

    Args:
        batch: B x 1 x ... class indices, or B x C x ... one-hot or probabilities (cut at 0.5).
        classes: class indices; None stands for the lesion: label 1 of a WMH mask (its label 2
            being background) or channel 1.
        name: what an error calls it.

    Yields:
        B x ... bool for each class.

    Raises:
        ValueError: if a value is neither a label nor a probability (as in masks of 0 and 255), or
            there is no channel of a class.
    """
    batch = without_metadata(batch)
    if batch.shape[1] == 1:
        check_labels(batch, classes, name)
        for label in (None,) if classes is None else classes:
            yield class_mask(batch[:, 0], label)
        return
    _check_probabilities(batch, name)
    channels = (1,) if classes is None else classes
    if max(channels) >= batch.shape[1]:
        raise ValueError(
            f"{name} has channels 0 .. {batch.shape[1] - 1}, of which none is class "
            f"{max(channels)}; got shape {tuple(batch.shape)}."
        )
    for channel in channels:
        yield batch[:, channel] > 0.5


def class_indices(batch: Tensor, num_classes: int | None, name: str) -> Tensor:
    """Label maps as class indices.

    Args:
        batch: B x 1 x ... class indices, or B x C x ... one-hot or probabilities.
        num_classes: C; None for whatever there is.
        name: what an error calls it.

    Returns:
        B x ... int64.

    Raises:
        ValueError: if the number of channels is neither 1 nor C, or a value is neither a label
            nor a probability.
    """
    batch = without_metadata(batch)
    channels = batch.shape[1]
    if channels != 1 and num_classes not in (None, channels):
        raise ValueError(
            f"{name} must be B x 1 x ... class indices or B x {num_classes} x ... one-hot, "
            f"got shape {tuple(batch.shape)}."
        )
    if channels != 1:
        _check_probabilities(batch, name)
        return batch.float().argmax(dim=1)
    if not batch.is_floating_point():
        return batch[:, 0].long()
    if has_fractions(batch):
        raise ValueError(f"{name} must hold class indices, got values that are not whole numbers.")
    return batch[:, 0].round().long()


def spacing_of(y: Tensor, spacing: Sequence[float] | None) -> list[Sequence[float]]:
    """Voxel sizes of each sample of a batch.

    Args:
        y: B x C x ... reference.
        spacing: voxel sizes for all samples; without them those of the `MetaTensor`'s affine.

    Raises:
        ValueError: if neither is there: a distance in mm cannot be guessed.
    """
    if spacing is not None:
        return [spacing] * len(y)
    if not isinstance(y, MetaTensor):
        raise ValueError(
            "spacing is missing: give the metric spacing=(...) in mm, or pass y as a MetaTensor."
        )
    return list(voxel_sizes(y.affine, len(y), y.ndim - 2))


def without_metadata(batch: Tensor) -> Tensor:
    """The tensor without MONAI's metadata, which no number of a metric carries on."""
    return batch.as_tensor() if isinstance(batch, MetaTensor) else batch


def count_foreground(masks: Tensor) -> Tensor:
    """Number of True voxels of each mask.

    Args:
        masks: B x ... bool.

    Returns:
        B, float64.
    """
    # Bytes are summed several times as fast as booleans.
    return masks.contiguous().view(torch.uint8).flatten(1).sum(1, dtype=torch.int32).double()


def _check_probabilities(batch: Tensor, name: str) -> None:
    if batch.dtype == torch.bool or not batch.numel():
        return
    low, high = float(batch.min()), float(batch.max())
    # Comparisons with NaN are False.
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f"{name} has {batch.shape[1]} channels with values from {low:g} to {high:g}; expected "
            "is one-hot or probabilities: apply softmax or argmax to logits, divide masks of 0 and "
            "255 by 255."
        )
