"""The trunk of HRNetV2: branches of several resolutions side by side, fused again and again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, starmap

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medabl.networks.blocks import BasicBlock, conv, conv_norm, conv_norm_relu, resize
from medabl.networks.resnet import bottlenecks

_STEM_CHANNELS = 64
_BRANCHES = 4


@dataclass(frozen=True)
class _Size:
    """Channels of the finest branch; blocks of the first stage; of a branch; modules of stages."""

    width: int
    stem_blocks: int
    blocks: int
    modules: tuple[int, int, int]


_SIZES: dict[int | str, _Size] = {
    18: _Size(18, 4, 4, (1, 4, 3)),
    32: _Size(32, 4, 4, (1, 4, 3)),
    48: _Size(48, 4, 4, (1, 4, 3)),
    "18s": _Size(18, 2, 2, (1, 3, 2)),
}


_NOT_IN_IMAGENETS = (
    *("incre_modules", "downsamp_modules", "final_layer", "classifier"),  # in that file only
    *("conv3x3_ocr", "ocr_distri_head", "cls_head", "aux_head", "last_layer"),  # here only
)


class _Sum(nn.ModuleList):
    """All branches brought to the width and size of one of them, and added up."""

    def __init__(self, channels: tuple[int, ...], target: int, align_corners: bool) -> None:
        super().__init__(_exchange(channels, source, target) for source in range(len(channels)))
        self.align_corners = align_corners

    def forward(self, maps: list[Tensor], like: Tensor) -> Tensor:
        terms = (
            resize(layer(x), like, align_corners=self.align_corners)
            for layer, x in zip(self, maps, strict=True)
        )
        return F.relu(reduce(torch.add, terms))


def _exchange(channels: tuple[int, ...], source: int, target: int) -> nn.Module:
    """A coarser branch is projected, a finer one halved by strided convolutions."""
    if source == target:
        return nn.Identity()
    if source > target:
        return conv_norm(channels[source], channels[target], kernel_size=1)
    halvings = [
        conv_norm_relu(channels[source], channels[source], stride=2)
        for _ in range(target - source - 1)
    ]
    return nn.Sequential(*halvings, conv_norm(channels[source], channels[target], stride=2))


class _Fusion(nn.Module):
    """Every branch gets residual blocks of its own; then each becomes the sum of all."""

    def __init__(self, channels: tuple[int, ...], blocks: int, align_corners: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(blocks))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(
            _Sum(channels, target, align_corners) for target in range(len(channels))
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [layer(maps, like) for layer, like in zip(self.fuse_layers, maps, strict=True)]


class HRNetTrunk(nn.Module):
    """HRNetV2 (Wang et al. 2019) without a head, under the key names of its published code.

    A width of 48 has 65,325,120 parameters. Weights start from N(0, 0.001), as there.

    Args:
        width: channels of the finest branch, 18, 32 or 48; or "18s", the small version 2 of 18.
        align_corners: how coarser branches are resized.

    Raises:
        ValueError: if there is no such width.
    """

    BACKBONE = ("", _NOT_IN_IMAGENETS)

    def __init__(self, width: int | str, *, align_corners: bool) -> None:
        super().__init__()
        if width not in _SIZES:
            names = ", ".join(repr(name) for name in _SIZES)
            raise ValueError(f"width must be one of {names}; got {width!r}.")
        size = _SIZES[width]
        self.align_corners = align_corners
        self.channels = tuple(size.width * 2**branch for branch in range(_BRANCHES))
        self.conv1 = conv(3, _STEM_CHANNELS, stride=2)
        self.bn1 = nn.BatchNorm2d(_STEM_CHANNELS)
        self.conv2 = conv(_STEM_CHANNELS, _STEM_CHANNELS, stride=2)
        self.bn2 = nn.BatchNorm2d(_STEM_CHANNELS)
        self.layer1 = bottlenecks(_STEM_CHANNELS, _STEM_CHANNELS, size.stem_blocks)
        widths = (4 * _STEM_CHANNELS,), *(self.channels[:branches] for branches in (2, 3, 4))
        self.transition1, self.transition2, self.transition3 = starmap(
            _transition, pairwise(widths)
        )
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(*(_Fusion(channels, size.blocks, align_corners) for _ in range(count)))
            for channels, count in zip(widths[1:], size.modules, strict=True)
        )
        self.apply(initialise)

    def features(self, image: Tensor) -> Tensor:
        """The four branches side by side, B x 15 width x H/4 x W/4, of a B x 3 x H x W image."""
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.relu(self.bn2(self.conv2(x)))
        maps = [self.layer1(x)]
        for transition, stage in (
            (self.transition1, self.stage2),
            (self.transition2, self.stage3),
            (self.transition3, self.stage4),
        ):
            # The branch that is added starts from the coarsest one there is.
            maps = [layer(x) for layer, x in zip(transition, [*maps, maps[-1]], strict=True)]
            maps = stage(maps)
        return torch.cat(
            [resize(x, maps[0], align_corners=self.align_corners) for x in maps], dim=1
        )


def _transition(before: tuple[int, ...], after: tuple[int, ...]) -> nn.ModuleList:
    """Bring the branches to their next widths and add one, half as fine as the coarsest."""
    kept = [
        nn.Identity() if old == new else conv_norm_relu(old, new)
        for old, new in zip(before, after, strict=False)
    ]
    # One step in a row of its own, since the published names count the halvings.
    added = nn.Sequential(conv_norm_relu(before[-1], after[-1], stride=2))
    return nn.ModuleList([*kept, added])


def initialise(module: nn.Module) -> None:
    """Let a convolution start from HRNet's narrow normal distribution."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.001)
