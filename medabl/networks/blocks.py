"""What several networks are made of: convolutions with batch norm, residual blocks, resizing."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

BOTTLENECK_EXPANSION = 4
"""Channels out of a bottleneck block, in units of its width."""


def conv(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """A convolution without bias that keeps height and width (divided by the stride)."""
    padding = dilation * (kernel_size // 2)
    return nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, bias=False
    )


def conv_norm(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """``conv`` and batch norm."""
    convolution = conv(in_channels, out_channels, kernel_size, stride, dilation)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))


def conv_norm_relu(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """``conv``, batch norm and ReLU."""
    return conv_norm(in_channels, out_channels, kernel_size, stride, dilation).append(
        nn.ReLU(inplace=True)
    )


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What brings a block's input to the shape of its output, where they differ."""
    if stride == 1 and in_channels == out_channels:
        return None
    return conv_norm(in_channels, out_channels, kernel_size=1, stride=stride)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity (He et al. 2016)."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _projection(in_channels, width, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x in_channels x H x W to B x width x H x W."""
        identity = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + identity)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside the identity; the 3x3 one strides (He et al. 2016)."""

    def __init__(self, in_channels: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        out_channels = BOTTLENECK_EXPANSION * width
        self.conv1 = conv(in_channels, width, kernel_size=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, stride=stride, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, out_channels, kernel_size=1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = _projection(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """B x in_channels x H x W to B x 4 width x H/stride x W/stride."""
        identity = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + identity)


def resize(x: Tensor, like: Tensor, *, align_corners: bool) -> Tensor:
    """``x`` at the height and width of ``like``, bilinearly."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=align_corners)


def outputs(
    image: Tensor, logits: Tensor, auxiliary: Tensor | None, *, align_corners: bool
) -> Tensor | list[Tensor]:
    """Logits at the image's size; with auxiliary ones, the list of both, the main ones first."""
    main = resize(logits, image, align_corners=align_corners)
    if auxiliary is None:
        return main
    return [main, resize(auxiliary, image, align_corners=align_corners)]


def require_several_images(x: Tensor, pooling: nn.Module, network: str) -> None:
    """Refuse to train batch norm over features pooled to one pixel of one image.

    A mean and a variance cannot be taken over a single value. ``nn.SyncBatchNorm`` takes them over
    the images of all processes, so that one image each is enough there.

    Raises:
        ValueError: if a batch norm of ``pooling`` is in training and ``x`` holds one image.
    """
    norms = (module for module in pooling.modules() if isinstance(module, nn.BatchNorm2d))
    if len(x) == 1 and any(norm.training for norm in norms):
        raise ValueError(
            f"{network} pools each image to one pixel before a batch norm, so it cannot be trained"
            " with one image a batch; use a batch of two or more, or freeze the norms with eval()."
        )
