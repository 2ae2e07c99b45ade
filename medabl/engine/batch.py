"""How a batch reaches the network, the loss and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from monai.engines import default_prepare_batch
from torch import Tensor, nn


class Target(NamedTuple):
    """What a loss compares the logits with.

    Attributes:
        label: B x 1 x H x W, class indices.
        distance_map: B x C x H x W precomputed by the data pipeline, if it did.
    """

    label: Tensor
    distance_map: Tensor | None


def prepare_training_batch(
    batch: Mapping[str, Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[Tensor, Target]:
    """MONAI's `prepare_batch` for `SupervisedTrainer`: image, and label with its distance map."""
    image, label = default_prepare_batch(dict(batch), device, non_blocking, **kwargs)
    distance_map = batch.get("distance_map")
    if distance_map is not None:
        distance_map = distance_map.to(device, non_blocking=non_blocking)
    return image, Target(label, distance_map)


class TargetLoss(nn.Module):
    """Calls a loss with the label, and with the distance map when the batch brings one.

    Args:
        loss: called as ``loss(logits, label)`` or ``loss(logits, label, distance_map=...)``.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Target) -> Tensor:
        """Logits B x C x H x W and their target to a scalar."""
        if target.distance_map is None:
            value: Tensor = self.loss(logits, target.label)
        else:
            value = self.loss(logits, target.label, distance_map=target.distance_map)
        return value


def predicted_class(output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """An Ignite `output_transform`: the likeliest class (B x 1 x H x W) and the label."""
    return output["pred"].argmax(dim=1, keepdim=True), output["label"]


def mean_loss(output: Mapping[str, Tensor]) -> Tensor:
    """An Ignite `output_transform`: the loss, cut from its graph."""
    return output["loss"].detach()
