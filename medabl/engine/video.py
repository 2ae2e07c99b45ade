"""How clips of a video reach the network, the loss and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn
from torch.nn import functional as F

from medabl.engine.batch import Target
from medabl.metrics import region_similarity


class VideoInferer(Inferer):
    """Takes videos through a `SpaceTimeMemory`, whose frames are then images to all that follows.

    Args:
        memorize_every: n: every n-th frame stays in the memory.
    """

    def __init__(self, memorize_every: int = 1) -> None:
        self.memorize_every = memorize_every

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Logits of all frames but the videos' first, (B (T - 1)) x classes x H x W.

        Args:
            inputs: frames, B x T x 3 x H x W.
            network: the network.
            args: the masks of the first frames, B x objects x H x W.
            kwargs: none.
        """
        logits: Tensor = network(inputs, *args, self.memorize_every)
        return logits.flatten(0, 1)


class PrepareVideos:
    """MONAI's ``prepare_batch`` for videos: frames, targets, and the masks of the first frames.

    Args:
        objects: masks of each video; None: as many as its first frame has objects.
    """

    def __init__(self, objects: int | None = None) -> None:
        self.objects = objects

    def __call__(
        self,
        batch: Mapping[str, Tensor],
        device: torch.device,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Target, tuple[Tensor], dict[str, Any]]:
        """Prepare a batch with ``image``, B x T x 3 x H x W, and ``label``, B x T x H x W."""
        frames = batch["image"].to(device, non_blocking=non_blocking)
        label = batch["label"].to(device, non_blocking=non_blocking)
        target = Target(label[:, 1:].flatten(0, 1)[:, None], {})
        return frames, target, (first_masks(label, self.objects),), {}


def first_masks(label: Tensor, objects: int | None = None) -> Tensor:
    """The masks of the first frames, B x objects x H x W, 0 or 1.

    Args:
        label: B x T x H x W, 0 for background and 1, 2, ... for the objects.
        objects: how many; None: as many as there are, at least one.
    """
    count = max(1, int(label[:, 0].max())) if objects is None else objects
    channels = F.one_hot(label[:, 0].long().clamp(max=count + 1), count + 2)
    return channels[..., 1 : count + 1].movedim(-1, 1).float()


def mean_similarity(output: Mapping[str, Any]) -> Tensor:
    """An Ignite `output_transform`: each object's mean J over a video's frames.

    As DAVIS evaluates, the last frame is left out like the first, which is given. A row an object,
    objects x 1, which Ignite's `Average` takes as so many examples.
    """
    classes = output["pred"].argmax(dim=1)
    truth = output["label"].label[:, 0]
    objects = torch.arange(1, output["pred"].shape[1], device=truth.device)[:, None, None, None]
    pairs = ((frames[:-1] == objects).cpu().numpy() for frames in (classes, truth))
    return torch.from_numpy(region_similarity(*pairs).mean(1, keepdims=True))
