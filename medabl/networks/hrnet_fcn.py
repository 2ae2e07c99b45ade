"""A fully convolutional head on HRNetV2."""

from __future__ import annotations

from torch import Tensor, nn

from medabl.networks.blocks import resize
from medabl.networks.hrnet import HRNetTrunk, initialise


def pixelwise_head(channels: int, num_classes: int) -> nn.Sequential:
    """Two 1x1 convolutions, the first with batch norm and ReLU (and, as published, a bias)."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel_size=1),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, num_classes, kernel_size=1),
    )


class HRNetFCN(HRNetTrunk):
    """HRNetV2 (Wang et al. 2019) with two 1x1 convolutions on top of its branches side by side.

    Keys are those of the published code. The default, small version 2 of width 18, has 3,939,579
    parameters with 19 classes.

    Args:
        num_classes: number of classes.
        width: channels of the finest branch, 18, 32 or 48; or "18s", the small version 2 of 18.

    Raises:
        ValueError: if there is no such width.

    Example:
        >>> network = HRNetFCN(num_classes=19).eval()
        >>> network(torch.zeros(1, 3, 64, 48)).shape
        torch.Size([1, 19, 64, 48])
    """

    def __init__(self, num_classes: int, width: int | str = "18s") -> None:
        super().__init__(width, align_corners=False)
        self.last_layer = pixelwise_head(sum(self.channels), num_classes)
        self.last_layer.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Map an RGB image, B x 3 x H x W, to logits, B x classes x H x W."""
        logits = self.last_layer(self.features(x))
        return resize(logits, x, align_corners=self.align_corners)
