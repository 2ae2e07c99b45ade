"""Object-contextual representations on HRNetV2."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medabl.networks.blocks import conv, outputs
from medabl.networks.hrnet import HRNetTrunk
from medabl.networks.hrnet_fcn import pixelwise_head

_MID_CHANNELS = 512
_KEY_CHANNELS = 256


def _pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolution, batch norm, ReLU; the last two in a row of their own, as the names want."""
    norm = nn.Sequential(nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
    return nn.Sequential(conv(in_channels, out_channels, kernel_size=1), norm)


def _key() -> nn.Sequential:
    return _pointwise(_MID_CHANNELS, _KEY_CHANNELS).extend(_pointwise(_KEY_CHANNELS, _KEY_CHANNELS))


class _ObjectAttention(nn.Module):
    """Every pixel reads from the class features, weighted by how alike they are."""

    def __init__(self) -> None:
        super().__init__()
        self.f_pixel = _key()
        self.f_object = _key()
        self.f_down = _pointwise(_MID_CHANNELS, _KEY_CHANNELS)
        self.f_up = _pointwise(_KEY_CHANNELS, _MID_CHANNELS)

    def forward(self, pixels: Tensor, objects: Tensor) -> Tensor:
        """B x C x H x W pixels and B x C x K x 1 classes to B x C x H x W."""
        query, key, value = (
            x.flatten(2).transpose(1, 2)
            for x in (self.f_pixel(pixels), self.f_object(objects), self.f_down(objects))
        )
        read = F.scaled_dot_product_attention(query, key, value)
        context: Tensor = self.f_up(read.transpose(1, 2).unflatten(2, pixels.shape[2:]))
        return context


class _Distribute(nn.Module):
    """The class features brought back to the pixels, beside the pixels' own."""

    def __init__(self) -> None:
        super().__init__()
        self.object_context_block = _ObjectAttention()
        self.conv_bn_dropout = _pointwise(2 * _MID_CHANNELS, _MID_CHANNELS).append(
            nn.Dropout2d(0.05)
        )

    def forward(self, pixels: Tensor, objects: Tensor) -> Tensor:
        context = self.object_context_block(pixels, objects)
        merged: Tensor = self.conv_bn_dropout(torch.cat((context, pixels), dim=1))
        return merged


class HRNetOCR(HRNetTrunk):
    """HRNetV2 with object-contextual representations (Yuan et al. 2020).

    An auxiliary head segments roughly; the features of each class are averaged over its pixels,
    and every pixel reads from these averages. Keys are those of the published code (HRNet-OCR).
    With a width of 48 and 19 classes it has 70,372,678 parameters; its loss is published as that of
    the main logits and 0.4 times that of the auxiliary ones.

    Args:
        num_classes: number of classes.
        width: that of the trunk, as for ``HRNetFCN``, with the same error for others.

    Example:
        >>> network = HRNetOCR(num_classes=19, width=18).eval()
        >>> network(torch.zeros(1, 3, 64, 48)).shape
        torch.Size([1, 19, 64, 48])
    """

    def __init__(self, num_classes: int, width: int | str = 48) -> None:
        super().__init__(width, align_corners=True)
        channels = sum(self.channels)
        self.conv3x3_ocr = nn.Sequential(
            nn.Conv2d(channels, _MID_CHANNELS, kernel_size=3, padding=1),
            nn.BatchNorm2d(_MID_CHANNELS),
            nn.ReLU(inplace=True),
        )
        self.ocr_distri_head = _Distribute()
        self.cls_head = nn.Conv2d(_MID_CHANNELS, num_classes, kernel_size=1)
        self.aux_head = pixelwise_head(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Map an RGB image to logits.

        Args:
            x: B x 3 x H x W.

        Returns:
            logits, B x classes x H x W; in training the list of these and the auxiliary ones of the
            same shape.
        """
        features = self.features(x)
        rough = self.aux_head(features)
        pixels = self.conv3x3_ocr(features)
        shares = rough.flatten(2).softmax(dim=2)
        objects = (pixels.flatten(2) @ shares.transpose(1, 2)).unsqueeze(3)
        logits = self.cls_head(self.ocr_distri_head(pixels, objects))
        return outputs(
            x, logits, rough if self.training else None, align_corners=self.align_corners
        )
