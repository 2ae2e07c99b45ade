"""Any loss on the outputs of a network with deep supervision."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from medabl.geometry.voxel_sizes import META, SpacingOrMeta
from medabl.losses.active_boundary import ActiveBoundaryLoss
from medabl.losses.alpha_scheduled import AlphaScheduledLoss
from medabl.losses.boundary import BoundaryLoss
from medabl.losses.full_kl import FullKLLoss
from medabl.losses.options import is_number, refuse, wrong_choices
from medabl.losses.tensors import plain_tensor

Outputs = torch.Tensor | Sequence[torch.Tensor]
_BOUNDARY = ("all", "finest")
_BOUNDARY_LOSSES = (ActiveBoundaryLoss, BoundaryLoss, FullKLLoss)


class DeepSupervisedLoss(nn.Module):
    r"""The weighted sum of a loss over the outputs of a network with deep supervision.

    .. math:: L = \sum_k w_k\, L(\text{output}_k, \text{target}_k)

    The target is brought to each output's resolution (nearest voxel). Distances mean the same at
    every resolution: the spacing of the boundary losses is multiplied by the stride (that in the
    target's metadata, too, with spacing="meta"), and where they have none, a distance is counted in
    voxels of the finest output.

    Args:
        loss: called with (input, target), and with the maps that are given.
        weights: one an output, the finest first. None takes nnU-Net's: halved from output to
            output, 0 for the coarsest of several, 1 in all.
        boundary: on which outputs boundary losses count, "all" or "finest", which is the first;
            on the others the region loss of an `AlphaScheduledLoss` keeps the weight it has.

    Raises:
        ValueError: for another `boundary`, or for weights that are negative or all 0.

    Example:
        >>> from medabl.losses import ActiveBoundaryLoss
        >>> loss = DeepSupervisedLoss(ActiveBoundaryLoss(softmax=True, to_onehot_y=True))
        >>> outputs = [torch.zeros(1, 2, size, size) for size in (32, 16, 8)]
        >>> loss(outputs, torch.zeros(1, 1, 32, 32))
        tensor(0.)
    """

    def __init__(
        self, loss: nn.Module, weights: Sequence[float] | None = None, boundary: str = "all"
    ) -> None:
        super().__init__()
        complaints = wrong_choices(_BOUNDARY, boundary=boundary)
        if weights is not None and not (
            all(is_number(weight) and weight >= 0 for weight in weights) and any(weights)
        ):
            complaints.append(
                f"weights must be one an output, none negative and not all 0; got {list(weights)}"
            )
        refuse(complaints)
        self.loss = loss
        self.weights = None if weights is None else tuple(float(weight) for weight in weights)
        self.boundary = boundary

    def forward(self, input: Outputs, target: Outputs, **maps: torch.Tensor | None) -> torch.Tensor:
        """Take the loss.

        Args:
            input: the outputs, the finest first: a list of B x C x H x W [x D] of any resolution,
                or stacked, B x K x C x H x W [x D]; or one output alone.
            target: what `loss` takes at the finest resolution, or a list with one an output.
            maps: `distance_map` and the like, B x C x ..., what `loss` takes at the finest
                resolution, used for all outputs of that size; elsewhere the losses compute
                their own.

        Returns:
            the weighted sum of what `loss` returns, in its shape.

        Raises:
            ValueError: if the number of outputs, targets and weights differ, or a coarser output
                comes before a finer one.
        """
        outputs = _outputs(input, target)
        targets = _targets(target, outputs, with_affine=_reads_affine(self.loss))
        given = {name: one for name, one in maps.items() if one is not None}
        total: torch.Tensor | None = None
        for weight, output, labels in zip(self._weigh(outputs), outputs, targets, strict=True):
            if weight == 0:
                continue
            stride = _stride(outputs[0], output)
            first, coarser = output is outputs[0], max(stride) > 1
            keep_boundary = first or self.boundary == "all"
            loss = self.loss
            if coarser or not keep_boundary:
                loss = _at_stride(loss, stride, keep_boundary)
            value = loss(output, labels, **({} if coarser else given))
            total = weight * value if total is None else total + weight * value
        assert total is not None  # at least one weight is not 0
        return total

    def _weigh(self, outputs: Sequence[torch.Tensor]) -> tuple[float, ...]:
        if self.weights is None:
            halved = [0.5**k for k in range(max(len(outputs) - 1, 1))]
            return tuple([weight / sum(halved) for weight in halved] + [0.0] * (len(outputs) > 1))
        if len(self.weights) != len(outputs):
            raise ValueError(
                f"input has {len(outputs)} outputs, but there are {len(self.weights)} weights;"
                " give one an output."
            )
        return self.weights


class _NoLoss(nn.Module):
    """In place of a boundary loss on outputs that it does not count on."""

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        distance_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        return input.flatten()[:0].sum()  # a zero through which a gradient flows


def _outputs(input: Outputs, target: Outputs) -> list[torch.Tensor]:
    if not isinstance(input, torch.Tensor):
        if not input:
            raise ValueError("input must hold at least one output, got none.")
        return [plain_tensor(output, "input") for output in input]
    plain = plain_tensor(input, "input")
    first = target if isinstance(target, torch.Tensor) else target[0]
    return list(plain.unbind(1)) if plain.ndim == first.ndim + 1 else [plain]


def _targets(
    target: Outputs, outputs: Sequence[torch.Tensor], with_affine: bool
) -> list[torch.Tensor]:
    if isinstance(target, torch.Tensor):
        return [_resize(target, output, with_affine) for output in outputs]
    if len(target) != len(outputs):
        raise ValueError(f"target has {len(target)} entries for the {len(outputs)} of input.")
    return [labels if with_affine else plain_tensor(labels, "target") for labels in target]


def _resize(target: torch.Tensor, output: torch.Tensor, with_affine: bool) -> torch.Tensor:
    plain, size = plain_tensor(target, "target"), output.shape[2:]
    if target.shape[2:] == size or len(size) != target.ndim - 2:
        return target if with_affine else plain  # of what does not fit, the loss itself tells
    resized = F.interpolate(plain.float(), list(size), mode="nearest-exact").to(plain.dtype)
    affine = getattr(target, "affine", None)
    if affine is None or not with_affine:
        return resized
    stride = torch.ones(affine.shape[-1], dtype=affine.dtype)
    stride[: len(size)] = torch.tensor(_stride(plain, output), dtype=affine.dtype)
    meta: Any = type(target)
    made: torch.Tensor = meta(resized, affine=affine * stride.to(affine.device))
    return made


def _stride(finest: torch.Tensor, output: torch.Tensor) -> tuple[float, ...]:
    stride = tuple(a / b for a, b in zip(finest.shape[2:], output.shape[2:], strict=True))
    if min(stride) < 1:
        raise ValueError(
            "input must have its finest output first, got"
            f" {tuple(output.shape)} after {tuple(finest.shape)}."
        )
    return stride


def _at_stride(loss: nn.Module, stride: tuple[float, ...], keep_boundary: bool) -> nn.Module:
    """`loss` for an output of that stride; its parameters and buffers are the same ones.

    A copy made at each call, so that it is in step with what is set in `loss` (alpha), and `loss`
    itself stays as it was.
    """
    if not keep_boundary and isinstance(loss, _BOUNDARY_LOSSES):
        return _NoLoss()
    coarser = copy.copy(loss)
    if isinstance(coarser, (ActiveBoundaryLoss, BoundaryLoss)):
        coarser.spacing = _times(coarser.spacing, stride)
    coarser._modules = {
        name: child if child is None else _at_stride(child, stride, keep_boundary)
        for name, child in loss._modules.items()
    }
    if not keep_boundary and isinstance(loss, AlphaScheduledLoss):
        coarser.boundary_loss = _NoLoss()
    return coarser


def _reads_affine(loss: nn.Module) -> bool:
    return any(getattr(part, "spacing", None) == META for part in loss.modules())


def _times(spacing: SpacingOrMeta, stride: tuple[float, ...]) -> SpacingOrMeta:
    if isinstance(spacing, str):
        return spacing  # the target's affine has the stride in it
    if spacing is None or isinstance(spacing, (int, float)):
        spacing = (1.0 if spacing is None else spacing,) * len(stride)
    return tuple(a * b for a, b in zip(spacing, stride, strict=True))
