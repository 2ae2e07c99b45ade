"""DeepLabV3 on ResNet-50."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medabl.networks.blocks import (
    conv_norm_relu,
    outputs,
    require_several_images,
    resize,
)
from medabl.networks.resnet import STAGE_CHANNELS, ResNet50

_RATES = (12, 24, 36)
_WIDTH = 256


class _AtrousPyramid(nn.Module):
    """Atrous spatial pyramid pooling: five views of each pixel, from itself to the whole image."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_norm_relu(in_channels, _WIDTH, 1))
        self.convs = nn.ModuleList(
            [
                conv_norm_relu(in_channels, _WIDTH, kernel_size=1),
                *(conv_norm_relu(in_channels, _WIDTH, dilation=rate) for rate in _RATES),
                pooling,
            ]
        )
        self.project = conv_norm_relu(len(self.convs) * _WIDTH, _WIDTH, 1).append(nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        require_several_images(x, self.convs[-1], "DeepLabV3ResNet50")
        views = [resize(view(x), x, align_corners=False) for view in self.convs]
        merged: Tensor = self.project(torch.cat(views, dim=1))
        return merged


class DeepLabV3ResNet50(nn.Module):
    """DeepLabV3 (Chen et al. 2017) on ResNet-50, output stride 8, as torchvision builds it.

    Keys are torchvision's. With 19 classes it has 42,003,046 parameters, 39,638,355 without the
    auxiliary head. That one looks at the third stage; its loss is usually weighted 0.4 or 0.5.

    Args:
        num_classes: number of classes.
        aux: whether there is an auxiliary head.

    Example:
        >>> network = DeepLabV3ResNet50(num_classes=19).eval()
        >>> network(torch.zeros(1, 3, 64, 48)).shape
        torch.Size([1, 19, 64, 48])
    """

    align_corners = False
    BACKBONE = ("backbone", ("fc",))

    def __init__(self, num_classes: int, aux: bool = True) -> None:
        super().__init__()
        self.backbone = ResNet50(dilated=True)
        self.classifier = nn.Sequential(
            _AtrousPyramid(STAGE_CHANNELS[3]),
            *conv_norm_relu(_WIDTH, _WIDTH),
            nn.Conv2d(_WIDTH, num_classes, kernel_size=1),
        )
        self.aux_classifier: nn.Sequential | None = None
        if aux:
            width = STAGE_CHANNELS[2] // 4
            self.aux_classifier = conv_norm_relu(STAGE_CHANNELS[2], width).extend(
                [nn.Dropout(0.1), nn.Conv2d(width, num_classes, kernel_size=1)]
            )

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Map an RGB image to logits.

        Args:
            x: B x 3 x H x W.

        Returns:
            logits, B x classes x H x W; in training with an auxiliary head, the list of these and
            the auxiliary ones of the same shape.

        Raises:
            ValueError: in training with one image a batch.
        """
        *_, third, fourth = self.backbone(x)
        auxiliary = self.aux_classifier(third) if self.training and self.aux_classifier else None
        return outputs(x, self.classifier(fourth), auxiliary, align_corners=self.align_corners)
