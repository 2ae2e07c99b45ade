"""Cross-entropy with the flags that the other losses have."""

from __future__ import annotations

import torch

from medabl.losses.base import SegmentationLoss
from medabl.losses.tensors import log_probabilities


class CrossEntropyLoss(SegmentationLoss):
    r"""Minus the log-probability of the true class.

    .. math:: L = -\frac{1}{|\Omega|} \sum_i \log P_{G_i}(i)

    with the label :math:`G_i` of voxel i: the values of `torch.nn.CrossEntropyLoss`, with MONAI's
    flags.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: `input` is one channel of logits; P is [1 - p, p].
        softmax: `input` holds logits of exclusive classes. With neither flag, `input` holds
            probabilities.
        ignore_index: voxels with this label take no part.
        reduction: "mean" or "sum" over the voxels, or "none" for their values, B x 1 x ...

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = CrossEntropyLoss(to_onehot_y=True, softmax=True)
        >>> loss(torch.zeros(1, 2, 1, 4), torch.tensor([[[[0, 0, 1, 1]]]]))
        tensor(0.6931)
    """

    def __init__(
        self,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        ignore_index: int | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            ignore_index=ignore_index,
            reduction=reduction,
        )

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`, or for one channel) or B x C x ...
                one-hot.

        Returns:
            the loss, a tensor without dimensions (B x 1 x ... with reduction="none"); 0 where all
            voxels are ignored.

        Raises:
            ValueError: for shapes that do not go together, or a label without a channel.
        """
        input, target = self._accept(input, target)
        valid = self._valid(target)
        log_probs = log_probabilities(self._logits(input))
        values = voxel_cross_entropy(log_probs, self._one_hot(input, target, valid), valid)
        if valid is not None and self.reduction == "mean":
            return values.sum() / valid.sum().clamp_min(1)
        return self._reduce(values)


def voxel_cross_entropy(
    log_probs: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor | None
) -> torch.Tensor:
    """The cross-entropy of every voxel.

    Args:
        log_probs: B x C x ..., two channels where `truth` has one.
        truth: B x C x ... one-hot.
        valid: B x 1 x ... bool, False where a voxel is ignored; None if all count.

    Returns:
        B x 1 x ..., 0 where not `valid`.
    """
    if truth.shape[1] == 1:
        truth = torch.cat([1 - truth, truth], 1)
    values = -(log_probs * truth).sum(1, keepdim=True)
    return values if valid is None else values.where(valid, 0)
