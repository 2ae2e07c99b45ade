"""The UNet of the boundary-loss experiments."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 8
"""Height and width of the input must be multiples of this: three stages halve them."""


def _conv(in_channels: int, out_channels: int, strides: int = 1) -> nn.Module:
    """3x3 convolution without bias, batch norm, PReLU with one slope."""
    return Convolution(2, in_channels, out_channels, strides=strides, norm="BATCH", bias=False)


def _stage(in_channels: int, out_channels: int, strides: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _conv(in_channels, out_channels, strides), _conv(out_channels, out_channels)
    )


def _up(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), _stage(channels, channels))


class _Residual(nn.Module):
    """Two convolutions beside the identity, joined by a leaky ReLU of slope 0.2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels),
            # This one convolution of the original has a bias, although batch norm follows it.
            Convolution(2, channels, channels, act=None, norm="BATCH", bias=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.body(x), 0.2)


class KervadecUNet(nn.Module):
    """The 2D UNet that Kervadec et al. trained on WMH, and with it the paper's table.

    Three stages halve the image by strided convolution and double the width; a residual
    bridge; three stages bring it back by nearest-neighbour upsampling, with skips. With two
    channels in, two out and a width of 64 it has 18,703,127 parameters. Convolutions start from
    Xavier's normal distribution, batch-norm scales from N(1, 0.02), as in the original.

    Args:
        in_channels: number of image channels (modalities).
        out_channels: number of classes.
        width: channels of the first stage.

    Example:
        >>> network = KervadecUNet(in_channels=2, out_channels=2, width=8)
        >>> network(torch.zeros(1, 2, 64, 48)).shape
        torch.Size([1, 2, 64, 48])

    Source: Kervadec et al., Boundary loss for highly unbalanced segmentation, MedIA 2021, and
    the code published with it.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64) -> None:
        super().__init__()
        self.down0 = _stage(in_channels, width)
        self.down1 = _stage(width, 2 * width, strides=2)
        self.down2 = _stage(2 * width, 4 * width, strides=2)
        self.bridge = nn.Sequential(
            _conv(4 * width, 8 * width, strides=2),
            _Residual(8 * width),
            _conv(8 * width, 8 * width),
            _up(8 * width),
        )
        self.up2 = nn.Sequential(_stage(12 * width, 4 * width), _up(4 * width))
        self.up1 = nn.Sequential(_stage(6 * width, 2 * width), _up(2 * width))
        self.up0 = _stage(3 * width, width)
        self.head = nn.Conv2d(width, out_channels, kernel_size=1)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Map an image to logits.

        Args:
            x: B x C x H x W, H and W multiples of 8.

        Returns:
            logits, B x classes x H x W.

        Raises:
            ValueError: if H or W is not a multiple of 8.
        """
        if x.shape[-1] % STRIDE or x.shape[-2] % STRIDE:
            raise ValueError(
                f"KervadecUNet halves the image three times, so height and width must be multiples"
                f" of {STRIDE}; got {tuple(x.shape[-2:])}. Resize or pad the slices."
            )
        skip0 = self.down0(x)
        skip1 = self.down1(skip0)
        skip2 = self.down2(skip1)
        deep = self.up2(torch.cat((self.bridge(skip2), skip2), dim=1))
        deep = self.up1(torch.cat((deep, skip1), dim=1))
        deep = self.up0(torch.cat((deep, skip0), dim=1))
        logits: Tensor = self.head(deep)
        return logits


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
