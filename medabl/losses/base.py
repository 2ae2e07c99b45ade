"""The flags every loss shares, with MONAI's names and meanings, handled once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch.nn.modules.loss import _Loss

from medabl.losses.doubts import doubt_activation, warn_of
from medabl.losses.options import refuse, wrong_choices, wrong_flags, wrong_whole_numbers
from medabl.losses.tensors import (
    as_labels,
    at_least_float32,
    plain_tensor,
    refuse_strange_labels,
)

_REDUCTIONS = ("mean", "sum", "none")


class SegmentationLoss(_Loss):
    """Base of the losses: activation, one-hot, background, ignored voxels and reduction.

    Args:
        include_background: if False, channel 0 takes no part (ignored for a single channel).
        to_onehot_y: `target` holds labels (B x 1 x ...) to be made one-hot.
        sigmoid: apply a sigmoid to `input`. Several channels may overlap then (regions), and their
            target is multi-hot; voxels to ignore hold `ignore_index`, in each channel by itself.
        softmax: apply a softmax over the channels of `input`.
        ignore_index: voxels with this label take no part.
        reduction: "mean", "sum" or "none".
        complaints: what is wrong with the other options of a loss, to be told with the rest.

    Raises:
        ValueError: naming all that is wrong: both `sigmoid` and `softmax` are set, `reduction` is
            unknown, a flag is neither True nor False, `ignore_index` is no whole number, or there
            are `complaints`.
    """

    def __init__(
        self,
        *,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        ignore_index: int | None = None,
        reduction: str = "mean",
        complaints: Sequence[str] = (),
    ) -> None:
        reduction = getattr(reduction, "value", reduction)
        flags = wrong_flags(
            include_background=include_background,
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
        )
        if not flags and sigmoid and softmax:
            flags = [
                "Incompatible values: more than 1 of [sigmoid=True, softmax=True]; set one of them"
            ]
        labels = {} if ignore_index is None else {"ignore_index": ignore_index}
        refuse(
            [
                *flags,
                *wrong_choices(_REDUCTIONS, reduction=reduction),
                *wrong_whole_numbers(**labels),
                *complaints,
            ]
        )
        super().__init__(reduction=reduction)
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.ignore_index = ignore_index
        self._looked_at: set[str] = set()

    def _accept(
        self, input: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both as plain tensors, if the loss can be taken of them.

        Warns of flags that mean nothing.

        Raises:
            ValueError: for anything but tensors, and for shapes that do not go together.
        """
        input, target = plain_tensor(input, "input"), plain_tensor(target, "target")
        stacked = input.ndim in (5, 6) and input.ndim == target.ndim + 1 and target.shape[1] == 1
        if input.ndim not in (4, 5) or stacked:
            hint = ""
            if stacked:
                hint = (
                    f" for a target of shape {tuple(target.shape)}; stacked outputs of deep "
                    "supervision have to be taken one by one: input.unbind(1)"
                )
            raise ValueError(
                f"input must have the shape B x C x H x W [x D], got {tuple(input.shape)}{hint}."
            )
        if 0 in input.shape[1:]:
            raise ValueError(f"input must hold voxels, got the shape {tuple(input.shape)}.")
        labels = self.to_onehot_y and input.shape[1] > 1
        channels = 1 if labels else input.shape[1]
        expected = (input.shape[0], channels, *input.shape[2:])
        if tuple(target.shape) != expected:
            hint = ""
            if target.shape == input.shape[:1] + input.shape[2:]:
                hint = "; give it a channel axis: target[:, None]"
            elif not labels and target.ndim > 1 and target.shape[1] == 1:
                hint = "; labels need to_onehot_y=True"
            raise ValueError(
                f"target must have the shape {expected} for an input of shape "
                f"{tuple(input.shape)}, got {tuple(target.shape)}{hint}."
            )
        for flag in ("softmax", "to_onehot_y"):
            if input.shape[1] == 1 and getattr(self, flag):
                warnings.warn(f"single channel prediction, `{flag}=True` ignored.", stacklevel=4)
        if self._may_look_at("input", input):
            softmax = self.softmax and input.shape[1] > 1
            warn_of(doubt_activation(input, self.sigmoid, softmax))
        return input, target

    def _may_look_at(self, what: str, tensor: torch.Tensor) -> bool:
        """True in the first step alone: to look at values waits for a device."""
        if what in self._looked_at or torch.compiler.is_compiling():
            return False
        if tensor.is_cuda and torch.cuda.is_current_stream_capturing():
            return False
        self._looked_at.add(what)
        return True

    def _valid(self, target: torch.Tensor) -> torch.Tensor | None:
        """B x 1 x ... bool, False for voxels to be ignored; None if all count.

        Of a multi-hot target B x C x ..., whose channels have labels of their own.
        """
        if self.ignore_index is None:
            return None
        labels = target if self.sigmoid else as_labels(target, self.ignore_index)
        return labels != self.ignore_index

    def _has_regions(self, input: torch.Tensor) -> bool:
        """Whether the channels may overlap: each is a binary problem of its own."""
        return self.sigmoid and input.shape[1] > 1

    def _refuse_regions(self, input: torch.Tensor) -> None:
        """See that the channels exclude each other.

        Raises:
            ValueError: if they may overlap.
        """
        if self._has_regions(input):
            raise ValueError(
                "sigmoid=True needs an input of one channel, since the classes must exclude each "
                f"other, got {input.shape[1]} channels; use softmax=True."
            )

    def _activate(self, input: torch.Tensor) -> torch.Tensor:
        """Probabilities from `input`, in float32 at least."""
        values = at_least_float32(input)
        if self.sigmoid:
            return torch.sigmoid(values)
        if self.softmax and input.shape[1] > 1:
            return torch.softmax(values, 1)
        return values

    def _logits(self, input: torch.Tensor) -> torch.Tensor:
        """B x C x ... logits of exclusive classes in float32 at least; one of a single class.

        Probabilities are kept from 0 and, since they may not quite add up to 1, thereby
        normalised.
        """
        values = at_least_float32(input)
        eps = torch.finfo(torch.float32).eps
        if input.shape[1] == 1:
            return values if self.sigmoid else values.logit(eps)
        self._refuse_regions(input)
        return values if self.softmax else values.clamp_min(eps).log()

    def _one_hot(
        self, input: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`target` as B x C x ... in the type the loss computes in; class 0 where not `valid`."""
        dtype = at_least_float32(input).dtype
        if valid is not None and valid.shape == target.shape:
            target = target.where(valid, 0)
        if not self.to_onehot_y or input.shape[1] == 1:
            return target.to(dtype)
        one_hot = torch.zeros(input.shape, dtype=dtype, device=target.device)
        return self._by_label(
            lambda labels: one_hot.scatter_(1, labels, 1.0), target.long(), input.shape[1]
        )

    def _by_label(
        self, take: Callable[[torch.Tensor], torch.Tensor], labels: torch.Tensor, classes: int
    ) -> torch.Tensor:
        """What `take` makes of B x 1 x ... labels that are an index to it.

        Raises:
            ValueError: naming a label that is no class.
        """
        if torch.compiler.is_compiling():
            return take(labels)
        if labels.is_cuda and self._may_look_at("labels", labels):
            # The device's own words would name no label.
            refuse_strange_labels(labels, classes)
        try:
            return take(labels)
        except RuntimeError:
            refuse_strange_labels(labels, classes)
            raise

    def _refuse_strange(self, labels: torch.Tensor, classes: int) -> None:
        """See that B x 1 x ... labels that are an index to nothing are classes all the same.

        On a device in the first step only, since to look waits for it.

        Raises:
            ValueError: naming a label that is no class, nor to be ignored.
        """
        if torch.compiler.is_compiling() or not labels.numel():
            return
        if labels.device.type != "cpu" and not self._may_look_at("labels", labels):
            return
        least, most = labels.aminmax()
        if not (least >= 0 and most < classes):
            refuse_strange_labels(labels[labels != self.ignore_index], classes)

    def _keep(self, values: torch.Tensor) -> torch.Tensor:
        """The channels that take part."""
        if self.include_background or values.shape[1] == 1:
            return values
        return values[:, 1:]

    def _reduce(self, values: torch.Tensor) -> torch.Tensor:
        if self.reduction == "none":
            return values
        # An empty batch has no mean; like an image with nothing to do it adds 0.
        return values.mean() if self.reduction == "mean" and values.numel() else values.sum()
