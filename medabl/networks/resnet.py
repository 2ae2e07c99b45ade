"""ResNet-50 under torchvision's key names."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from medabl.networks.blocks import BOTTLENECK_EXPANSION, Bottleneck, conv

_BLOCKS = (3, 4, 6, 3)


def stage_channels(width: int = 64) -> tuple[int, int, int, int]:
    """Channels out of each of the four stages of a `ResNet50` of that width."""
    return 4 * width, 8 * width, 16 * width, 32 * width


STAGE_CHANNELS = stage_channels()
"""Of that of the published width."""


def bottlenecks(
    in_channels: int, width: int, blocks: int, stride: int = 1, dilations: tuple[int, int] = (1, 1)
) -> nn.Sequential:
    """Bottleneck blocks in a row; the first one strides and has a dilation of its own."""
    first, others = dilations
    wide = BOTTLENECK_EXPANSION * width
    rest = (Bottleneck(wide, width, dilation=others) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(in_channels, width, stride, first), *rest)


class ResNet50(nn.Module):
    """The convolutional part of ResNet-50 (He et al. 2016), all or the first of its four stages.

    Keys are torchvision's, so that its ImageNet weights fit. Convolutions start from Kaiming's
    normal distribution over the fan out, as there.

    Args:
        stages: how many of the four stages are built.
        dilated: the third and fourth stage dilate by 2 and 4 where they would stride, so that
            their maps keep an eighth of the image's size. The first block of a stage keeps the
            dilation of the stage before.
        width: channels of the first convolution; published weights have 64, and all other numbers
            of channels are in proportion.
    """

    def __init__(self, stages: int = 4, dilated: bool = False, width: int = 64) -> None:
        super().__init__()
        self.stages = stages
        self.conv1 = conv(3, width, kernel_size=7, stride=2)
        self.bn1 = nn.BatchNorm2d(width)
        strides, dilations = (
            ((1, 2, 1, 1), (1, 1, 1, 2, 4)) if dilated else ((1, 2, 2, 2), (1,) * 5)
        )
        widths = (width, *stage_channels(width))
        for stage, (in_channels, out_channels) in enumerate(pairwise(widths[: stages + 1])):
            blocks = bottlenecks(
                in_channels,
                out_channels // BOTTLENECK_EXPANSION,
                _BLOCKS[stage],
                strides[stage],
                (dilations[stage], dilations[stage + 1]),
            )
            self.add_module(f"layer{stage + 1}", blocks)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps of the stages, B x channels x H/4 x W/4 first, of a B x 3 x H x W image."""
        return self.after_stem(self.conv1(image))

    def after_stem(self, x: Tensor) -> list[Tensor]:
        """The maps of the stages of what the first convolution gave."""
        x = F.max_pool2d(F.relu(self.bn1(x)), kernel_size=3, stride=2, padding=1)
        maps = []
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
            maps.append(x)
        return maps


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
