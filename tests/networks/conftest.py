"""Checkpoints with given names and shapes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from published_keys import Shapes
from torch import nn

from medabl.networks import load_weights


@pytest.fixture
def assert_loads(tmp_path: Path) -> Callable[..., None]:
    """Load a checkpoint with the table's names and shapes; every tensor must get its own values."""

    def check(network: nn.Module, table: Shapes, ignore: Sequence[str] = ()) -> None:
        values = {name: torch.tensor(float(number)) for number, name in enumerate(table)}
        path = tmp_path / "weights.pth"
        torch.save({name: value.expand(table[name]) for name, value in values.items()}, path)
        load_weights(network, path, ignore)
        for name, tensor in network.state_dict().items():
            if not name.startswith(tuple(ignore)):
                assert (tensor == values[name]).all(), name

    return check
