"""Weights that are the same wherever they are made, without a random generator."""

import math

import torch
from published_keys import Shapes
from torch import Tensor, nn


def scattered(count: int, offset: int) -> Tensor:
    """Numbers in [-1, 1) without visible order: the fractions of multiples of squares."""
    index = torch.arange(count, dtype=torch.float64) + 1000 * offset
    return 2 * (index.square() * 0.6180339887498949).frac() - 1


def state(shapes: Shapes) -> dict[str, Tensor]:
    """A tensor in double precision for every name; the name decides its values."""
    return {
        name: _values(name, shapes[name], offset)
        for offset, name in enumerate(sorted(shapes))
        if not name.endswith(("num_batches_tracked", "position_index"))
    }


def _values(name: str, shape: tuple[int, ...], offset: int) -> Tensor:
    values = scattered(math.prod(shape), offset).reshape(shape)
    if len(shape) > 1:
        return values * (2 / math.prod(shape[1:])) ** 0.5
    return 1 + values / 2 if name.endswith(("running_var", "weight")) else values / 10


def fill(network: nn.Module) -> None:
    """Give the network such weights; it gives all its outputs, but norms and dropout rest."""
    network.double()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(state(shapes), strict=False)
    for module in network.modules():
        module.training = module is network


def image(height: int, width: int) -> Tensor:
    """A batch of one RGB image."""
    return scattered(3 * height * width, offset=5).reshape(1, 3, height, width)


def assert_three_pixels(logits: Tensor, expected: list[list[float]]) -> None:
    """Compare classes 0, 7 and 18 in the first, a middle and the last pixel of the first image."""
    height, width = logits.shape[-2:]
    pixels = ((0, 0), (height // 2, width // 3), (-1, -1))
    found = torch.stack([logits[0, [0, 7, 18], y, x] for y, x in pixels])
    torch.testing.assert_close(found, torch.tensor(expected, dtype=found.dtype), atol=1e-7, rtol=0)
