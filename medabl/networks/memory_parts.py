"""The parts of the space-time memory network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medabl.networks.blocks import conv, resize
from medabl.networks.resnet import ResNet50, stage_channels


class MemoryEncoder(ResNet50):
    """A ResNet-50 with two more channels in its first convolution: an object and all others."""

    def __init__(self, stages: int, width: int) -> None:
        super().__init__(stages, width=width)
        self.mask_conv = conv(2, self.conv1.out_channels, kernel_size=7, stride=2)

    def encode(self, frame: Tensor, masks: Tensor) -> Tensor:
        """The last stage's maps of each object, (B objects) x channels x H/16 x W/16.

        Args:
            frame: B x 3 x H x W.
            masks: B x objects x H x W, from 0 to 1.
        """
        others = masks.sum(dim=1, keepdim=True) - masks
        pairs = torch.stack((masks, others), dim=2).flatten(0, 1)
        stem = self.conv1(frame).repeat_interleave(masks.shape[1], dim=0)
        return self.after_stem(stem + self.mask_conv(pairs))[-1]


class Projection(nn.Module):
    """Key and value of an encoder's map: an eighth and a half of its channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        coarse = stage_channels(width)[2]
        self.key = _conv3x3(coarse, coarse // 8)
        self.value = _conv3x3(coarse, coarse // 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """N x C x h x w to N x C/8 x h x w and N x C/2 x h x w; C is 1024 at width 64."""
        return self.key(x), self.value(x)


class Decoder(nn.Module):
    """Makes masks of what was read, by way of the query's finer maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        fine, middle, coarse, _ = stage_channels(width)
        self.compress = nn.Sequential(_conv3x3(coarse, fine), _Residual(fine))
        self.refine_middle = _Refine(middle, fine)
        self.refine_fine = _Refine(fine, fine)
        self.predict = _conv3x3(fine, 2)

    def forward(self, read: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        """Logits of background and object at the size of ``fine``, N x 2 x H/4 x W/4."""
        x = self.refine_middle(self.compress(read), middle)
        logits: Tensor = self.predict(F.relu(self.refine_fine(x, fine)))
        return logits


class _Refine(nn.Module):
    """Brings a map to the size of a finer one and adds that one to it."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Sequential(_conv3x3(channels, width), _Residual(width))
        self.merge = _Residual(width)

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        skip = self.skip(finer)
        merged: Tensor = self.merge(skip + resize(x, skip, align_corners=False))
        return merged


class _Residual(nn.Module):
    """Two convolutions, each after a ReLU, beside the identity (He et al. 2016, Identity ...)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(width, width)
        self.conv2 = _conv3x3(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(x))
        return x + self.conv2(F.relu(y))


def _conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
