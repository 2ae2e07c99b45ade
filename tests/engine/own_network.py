"""Networks that are none of MONAI's, torch.nn's or medabl's."""

from __future__ import annotations

from torch import Tensor, nn


class Own(nn.Module):
    """One convolution from two images to two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x 2 x H x W to logits of the same shape."""
        logits: Tensor = self.layer(x)
        return logits


class InDouble(nn.Module):
    """A network in double precision, where sums taken in another order come to the same."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, image: Tensor) -> Tensor:
        """As the network, float64."""
        logits: Tensor = self.network(image.double())
        return logits
