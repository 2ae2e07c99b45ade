"""The flags every loss shares, with MONAI's names and meanings, handled once."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch.nn.modules.loss import _Loss

_REDUCTIONS = ("mean", "sum", "none")


class SegmentationLoss(_Loss):
    """Base of the losses: activation, one-hot, background and reduction.

    Args:
        include_background: if False, channel 0 takes no part (ignored for a single channel).
        to_onehot_y: `target` holds labels (B x 1 x ...) to be made one-hot.
        sigmoid: apply a sigmoid to `input`.
        softmax: apply a softmax over the channels of `input`.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.
    """

    def __init__(
        self,
        *,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: str = "mean",
    ) -> None:
        reduction = getattr(reduction, "value", reduction)
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(_REDUCTIONS)}, got {reduction}.")
        if sigmoid and softmax:
            raise ValueError(
                "Incompatible values: more than 1 of [sigmoid=True, softmax=True]; set one of them."
            )
        super().__init__(reduction=reduction)
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax

    def _check(self, input: torch.Tensor, target: torch.Tensor) -> None:
        """Refuse shapes the loss cannot be taken of, and warn of flags that mean nothing."""
        if input.ndim not in (4, 5):
            raise ValueError(
                f"input must have the shape B x C x H x W [x D], got {tuple(input.shape)}."
            )
        labels = self.to_onehot_y and input.shape[1] > 1
        channels = 1 if labels else input.shape[1]
        expected = (input.shape[0], channels, *input.shape[2:])
        if tuple(target.shape) != expected:
            hint = "" if labels or target.shape[1] != 1 else "; labels need to_onehot_y=True"
            raise ValueError(
                f"target must have the shape {expected} for an input of shape "
                f"{tuple(input.shape)}, got {tuple(target.shape)}{hint}."
            )
        for flag in ("softmax", "to_onehot_y"):
            if input.shape[1] == 1 and getattr(self, flag):
                warnings.warn(f"single channel prediction, `{flag}=True` ignored.", stacklevel=4)

    def _activate(self, input: torch.Tensor) -> torch.Tensor:
        """Probabilities from `input`, in float32 at least."""
        values = at_least_float32(input)
        if self.sigmoid:
            return torch.sigmoid(values)
        if self.softmax and input.shape[1] > 1:
            return torch.softmax(values, 1)
        return values

    def _logits(self, input: torch.Tensor) -> torch.Tensor:
        """Logits of exclusive classes in float32 at least; of one class, one against the other.

        Two classes come as the one logit that decides between them. Probabilities are kept from 0
        and, since they may not quite add up to 1, thereby normalised.
        """
        values = at_least_float32(input)
        eps = torch.finfo(torch.float32).eps
        if input.shape[1] == 1:
            return values if self.sigmoid else values.logit(eps)
        if self.sigmoid:
            raise ValueError(
                "sigmoid=True needs an input of one channel, since the classes must exclude each "
                f"other, got {input.shape[1]} channels; use softmax=True."
            )
        if not self.softmax:
            values = values.clamp_min(eps).log()
        if input.shape[1] > 2:
            return values
        background, foreground = values.unbind(1)
        return (foreground - background)[:, None]

    def _one_hot(
        self, input: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`target` as B x C x ... in the type the loss computes in; class 0 where not `valid`."""
        dtype = at_least_float32(input).dtype
        if valid is not None and target.shape[1] == 1:
            target = target.where(valid, 0)
        if not self.to_onehot_y or input.shape[1] == 1:
            return target.to(dtype)
        one_hot = torch.zeros(input.shape, dtype=dtype, device=target.device)
        return one_hot.scatter_(1, target.long(), 1.0)

    def _keep(self, values: torch.Tensor) -> torch.Tensor:
        """The channels that take part."""
        if self.include_background or values.shape[1] == 1:
            return values
        return values[:, 1:]

    def _reduce(self, values: torch.Tensor) -> torch.Tensor:
        if self.reduction == "mean":
            return values.mean()
        if self.reduction == "sum":
            return values.sum()
        return values


def at_least_float32(values: torch.Tensor) -> torch.Tensor:
    """`values` in float32, or float64 if they already are.

    Half precision cannot hold sums over an image, whatever autocast says.
    """
    return values if values.dtype == torch.float64 else values.float()


def as_labels(target: torch.Tensor, ignore_index: int | None = None) -> torch.Tensor:
    """B x 1 x ... labels from labels or a one-hot target, `ignore_index` where it is ignored.

    A one-hot target says so as in MONAI: by its channel `ignore_index`, or, if it has no such
    channel, by being zero in all of them.
    """
    if target.shape[1] == 1:
        return target
    labels = target.argmax(1, keepdim=True)
    if ignore_index is None or 0 <= ignore_index < target.shape[1]:
        return labels
    return labels.where((target != 0).any(1, keepdim=True), ignore_index)


def log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """B x C x ... log-probabilities from logits, where one logit stands for two classes."""
    if logits.shape[1] == 1:
        return F.logsigmoid(torch.cat([-logits, logits], 1))
    return torch.log_softmax(logits, 1)
