"""Checkpoints with given names and shapes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from published_keys import Shapes
from torch import Tensor

Checkpoint = tuple[Path, dict[str, Tensor]]


@pytest.fixture
def published(tmp_path: Path) -> Callable[[Shapes], Checkpoint]:
    """Write a checkpoint for a table: each tensor holds one number, another one for each."""

    def write(table: Shapes) -> Checkpoint:
        values = {name: torch.tensor(float(number)) for number, name in enumerate(table)}
        path = tmp_path / "weights.pth"
        torch.save({name: value.expand(table[name]) for name, value in values.items()}, path)
        return path, values

    return write
