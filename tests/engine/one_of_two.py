"""A process of two that share a batch: python -m torch.distributed.run ... one_of_two.py FOLDER.

Each takes the loss and the batch norm of its part of the batch in FOLDER/batch.pt; the first one
writes what the two have come to.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medabl.engine.batch import AuxiliaryLoss, Target, TargetLoss
from medabl.engine.distributed import process_group
from medabl.engine.parallel import batch_loss, parallel
from medabl.losses import ActiveBoundaryLoss, BoundaryLoss, CrossEntropyLoss, GeneralizedDiceLoss

FLAGS: dict[str, Any] = {"softmax": True, "to_onehot_y": True}
LOSSES = {
    "gdl": GeneralizedDiceLoss(**FLAGS),
    "bl": BoundaryLoss(**FLAGS),
    "ce": CrossEntropyLoss(**FLAGS),
    "abl": ActiveBoundaryLoss(**FLAGS),
    "auxiliary": AuxiliaryLoss(CrossEntropyLoss(**FLAGS)),  # of a network with two outputs
}
PARTS = (slice(0, None, 2), slice(1, None, 2))


class TwoOutputs(nn.Module):
    def forward(self, logits: Tensor) -> list[Tensor]:
        return [logits, logits.square()]


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)]
    return nn.Sequential(*layers, *([TwoOutputs()] if name == "auxiliary" else []))


def results(images: Tensor, labels: Tensor, name: str) -> dict[str, Tensor]:
    """Loss, gradients and running statistics of this process's part of the batch."""
    model = network(name)
    shared = parallel(model)
    value = batch_loss(TargetLoss(LOSSES[name]))(shared(images), Target(labels, {}))
    value.backward()
    gradients = {key: p.grad for key, p in model.named_parameters()}
    return {"loss": value.detach(), **gradients, **dict(model.named_buffers())}


def main() -> None:
    folder = Path(sys.argv[1])
    images, labels = torch.load(folder / "batch.pt")
    with process_group(torch.device("cpu")):
        rank = torch.distributed.get_rank()
        part = PARTS[rank]
        found = {name: results(images[part], labels[part], name) for name in LOSSES}
        torch.save(found, folder / f"found{rank}.pt")


if __name__ == "__main__":
    main()
