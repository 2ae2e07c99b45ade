"""One lesion, watched from epoch to epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from medabl.files import atomic_path
from medabl.processors import is_first_process
from medabl.task import Task

MARGIN = 12
"""Pixels shown around the lesion."""


class SnapshotHandler:
    """Keeps the probability map around one object after every epoch.

    The object (a lesion, say) is the largest connected one of the evaluated classes in all slices
    of the dataset; without any, and for 3D tasks, nothing is kept. The file holds ``image`` (h x w,
    first modality), ``label`` (h x w, 1 in the evaluated classes), ``epochs`` (E) and
    ``probability`` (E x h x w, float16, of the evaluated classes together).

    Args:
        path: the ``.npz`` file.
        dataset: slices with ``image`` (C x H x W) and ``label`` (1 x H x W, classes).
        network: maps B x C x H x W to logits B x classes x H x W.
        device: where it computes.
        task: which classes are evaluated.
    """

    def __init__(
        self,
        path: str | Path,
        dataset: Sequence[Mapping[str, Tensor]],
        network: nn.Module,
        device: torch.device,
        task: Task,
    ) -> None:
        self.path = Path(path)
        self.network = network
        self.device = device
        self.channels = list(task.evaluated_channels)
        self.kept: dict[int, np.ndarray] = {}
        self.image: Tensor | None = None
        if task.spatial_dims == 2 and is_first_process():
            self._choose(dataset)

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        if self.image is not None:
            engine.add_event_handler(Events.EPOCH_STARTED, self._load)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Add the epoch that just ended and write the file."""
        assert self.image is not None
        self.network.eval()
        logits = self.network(self.image[None].to(self.device))
        probability = logits.float().softmax(dim=1)[0, self.channels].sum(dim=0).cpu().numpy()
        self.kept[engine.state.epoch] = probability[self.window].astype(np.float16)
        with atomic_path(self.path) as temporary:
            np.savez_compressed(
                temporary,
                image=self.image[0].numpy()[self.window],
                label=self.label[self.window],
                epochs=np.array(list(self.kept)),
                probability=np.stack(list(self.kept.values())),
            )

    def _choose(self, dataset: Sequence[Mapping[str, Any]]) -> None:
        largest = 0
        for sample in dataset:
            label = np.isin(sample["label"][0].numpy(), self.channels).astype(np.uint8)
            if label.sum() <= largest:
                continue
            objects, _ = scipy.ndimage.label(label)
            sizes = np.bincount(objects.ravel())[1:]
            if sizes.max() > largest:
                largest = int(sizes.max())
                box = scipy.ndimage.find_objects(objects)[sizes.argmax()]
                self.window = tuple(slice(max(0, s.start - MARGIN), s.stop + MARGIN) for s in box)
                self.image, self.label = sample["image"], label

    def _load(self, engine: Engine) -> None:
        if not self.kept and self.path.is_file():
            with np.load(self.path) as saved:
                pairs = zip(saved["epochs"].tolist(), saved["probability"], strict=True)
                self.kept = {e: p for e, p in pairs if e < engine.state.epoch}
