"""How a batch reaches the network, the loss and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from monai.engines import default_prepare_batch
from torch import Tensor, nn

from medabl.losses.options import refuse, wrong_numbers

_MAP = "_map"


class Target(NamedTuple):
    """What a loss compares the logits with.

    Attributes:
        label: B x 1 x H x W, class indices.
        maps: keyword of the loss -> B x C x H x W precomputed by the data pipeline.
    """

    label: Tensor
    maps: dict[str, Tensor]


def prepare_training_batch(
    batch: Mapping[str, Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[Tensor, Target]:
    """MONAI's `prepare_batch` for `SupervisedTrainer`: image, and label with its maps.

    A map is what lies under a key that ends in ``_map``, such as ``distance_map``.

    Args:
        batch: ``image``, ``label`` and maps, B x ... each.
        device: where they go.
        non_blocking: as in `torch.Tensor.to`.
        **kwargs: further arguments of `torch.Tensor.to`.
    """
    image, label = default_prepare_batch(dict(batch), device, non_blocking, **kwargs)
    maps = {
        key: value.to(device, non_blocking=non_blocking)
        for key, value in batch.items()
        if isinstance(key, str) and key.endswith(_MAP)
    }
    return image, Target(label, maps)


class TargetLoss(nn.Module):
    """Calls a loss with the label, and with the maps that the batch brings.

    Args:
        loss: called as ``loss(logits, label)``, or ``loss(logits, label, distance_map=...)`` and
            the like, each map under its key.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Target) -> Tensor:
        """Logits B x C x H x W and their target to a scalar."""
        value: Tensor = self.loss(logits, target.label, **target.maps)
        return value


class AuxiliaryLoss(nn.Module):
    """A loss of a network's main output and of its auxiliary ones, where it has any.

    The networks of `medabl.networks` give a list of them in training, all of the image's size.

    Args:
        loss: of one output.
        weight: what the loss of every auxiliary output is multiplied by.

    Raises:
        ValueError: if `weight` is no number.
    """

    def __init__(self, loss: nn.Module, weight: float = 0.4) -> None:
        super().__init__()
        refuse(wrong_numbers(weight=weight))
        self.loss = loss
        self.weight = weight

    def forward(self, logits: Tensor | list[Tensor], label: Tensor, **maps: Tensor) -> Tensor:
        """Logits B x C x H x W, or a list of them, the main ones first, to a scalar."""
        main, *others = [logits] if isinstance(logits, Tensor) else logits
        value: Tensor = self.loss(main, label, **maps)
        for auxiliary in others:
            value = value + self.weight * self.loss(auxiliary, label, **maps)
        return value


def predicted_class(output: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """An Ignite `output_transform`: the likeliest class (B x 1 x H x W) and the label."""
    return output["pred"].argmax(dim=1, keepdim=True), output["label"]


def mean_loss(output: Mapping[str, Tensor]) -> Tensor:
    """An Ignite `output_transform`: the loss, cut from its graph."""
    return output["loss"].detach()
