"""medabl's losses on nnU-Net's targets: labels or overlapping regions, with voxels to ignore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from medabl.losses import LovaszSoftmaxLoss

_IGNORED = 2  # where regions are labels 0 and 1


@dataclass(frozen=True)
class TargetKind:
    """What nnU-Net's targets are.

    Attributes:
        regions: B x R x ... channels of overlapping regions, for a sigmoid, with a last channel of
            voxels to ignore where there are any; else B x 1 x ... labels, for a softmax.
        ignore_label: the label of voxels to ignore, None if there are none.
    """

    regions: bool = False
    ignore_label: int | None = None

    def loss(self, kind: Callable[..., nn.Module], **options: Any) -> nn.Module:
        """One of medabl's losses for these targets.

        Args:
            kind: the loss's class.
            **options: its other arguments.
        """
        if not self.regions:
            return kind(softmax=True, to_onehot_y=True, ignore_index=self.ignore_label, **options)
        ignore_index = None if self.ignore_label is None else _IGNORED
        return EachRegion(kind(sigmoid=True, ignore_index=ignore_index, **options))


class EachRegion(nn.Module):
    """A loss of sigmoid channels, with nnU-Net's regions and its channel of voxels to ignore.

    Args:
        loss: of B x R x ... logits and regions of 0 and 1, with `ignore_index` 2 or None.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take the loss of B x R x ... logits and B x R x ... or B x (R + 1) x ... regions."""
        regions = input.shape[1]
        labels = (target[:, :regions] > 0.5).to(torch.uint8)
        if target.shape[1] > regions:
            labels = labels.masked_fill(target[:, regions:] > 0.5, _IGNORED)
        value: torch.Tensor = self.loss(input, labels)
        return value


class CrossEntropyAndIoU(nn.Module):
    """Cross-entropy + Lovász-softmax, to which the paper's IABL adds the active boundary loss.

    Args:
        targets: what nnU-Net's targets are.
    """

    def __init__(self, targets: TargetKind) -> None:
        super().__init__()
        self.targets = targets
        # Of a region that is one image's, each image has its own loss.
        self.iou = targets.loss(LovaszSoftmaxLoss, per_image=targets.regions)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take the loss of logits and nnU-Net's target."""
        value: torch.Tensor = self._cross_entropy(input.float(), target) + self.iou(input, target)
        return value

    def _cross_entropy(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean over the voxels that count, 0 if none does."""
        if self.targets.regions:
            truth = target[:, : input.shape[1]].to(input.dtype)
            values = F.binary_cross_entropy_with_logits(input, truth, reduction="none").mean(1)
            valid = torch.ones_like(values, dtype=torch.bool)
            if target.shape[1] > input.shape[1]:
                valid = target[:, -1] <= 0.5
        else:
            labels = target[:, 0].long()
            ignored = -100 if self.targets.ignore_label is None else self.targets.ignore_label
            values = F.cross_entropy(input, labels, ignore_index=ignored, reduction="none")
            valid = labels != ignored
        return values.where(valid, 0).sum() / valid.sum().clamp_min(1)


def relative_spacing(spacing: Sequence[float], dims: int) -> tuple[float, ...]:
    """A grid's spacing in units of its finest axis: right for anisotropic voxels, theta in voxels.

    Args:
        spacing: in mm, of the axes of an array; of more axes than `dims`, the last ones count.
        dims: of a patch.

    Example:
        >>> relative_spacing([3.0, 0.5, 0.5], 3)
        (6.0, 1.0, 1.0)
    """
    last = [float(mm) for mm in spacing][-dims:]
    return tuple(mm / min(last) for mm in last)
