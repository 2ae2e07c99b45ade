"""Losses that spoil a run, each in its own way."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn

MENDED = "MEDABL_TEST_MENDED"
"""Environment variable: `Raises` works once the file it names is there."""


class _Sound(nn.Module):
    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, label[:, 0].long())


class Raises(_Sound):
    """An error of its author's."""

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        if not Path(os.environ[MENDED]).is_file():
            raise KeyError("my [b]own[/b] mistake")
        return super().forward(logits, label)


class NoNumber(_Sound):
    """NaN."""

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        return super().forward(logits, label) * torch.nan


class Turns(_Sound):
    """Teaches the opposite from the fourth epoch on."""

    def __init__(self) -> None:
        super().__init__()
        self.sign = 1

    def set_epoch(self, epoch: int) -> None:
        self.sign = 1 if epoch < 3 else -1

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        return self.sign * super().forward(logits, label)
