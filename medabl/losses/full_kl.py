"""Full KL-divergence loss: all neighbours, where the active boundary loss takes those on it."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from medabl.losses.base import SegmentationLoss
from medabl.losses.tensors import as_labels, finite_logits, log_probabilities


class FullKLLoss(SegmentationLoss):
    r"""Neighbours differ in prediction exactly where they differ in label.

    .. math::
        L = \frac{1}{N_e} \sum_{e = (i, j)} \mathrm{BCE}\!\left(
            \frac{1}{1 + e^{-\mathrm{KL}(P_i \| P_j)}},\; [G_i \ne G_j] \right)

    over the edges e between every voxel i of an image and its forward neighbours j, with the
    labels G (Wang et al., *Active Boundary Loss for Semantic Segmentation*, AAAI 2022, Eq. 7). The
    paper's IFKL is `LovaszSoftmaxLoss` + `FullKLLoss`.

    A divergence is never negative, so that its sigmoid is never below 1/2: an edge within a region
    costs log 2 at least, and no prediction brings the loss to 0.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: `input` is one channel of logits; P is [1 - p, p].
        softmax: `input` holds logits of exclusive classes. With neither flag, `input` holds
            probabilities.
        ignore_index: edges with a voxel of this label take no part.
        reduction: "mean" or "sum" over the images, or "none" for one value an image; images
            without an edge are 0 and not counted in the mean.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = FullKLLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> agree = torch.tensor([[[[4.0, 4.0, -4.0, -4.0]], [[-4.0, -4.0, 4.0, 4.0]]]])
        >>> bool(loss(agree, labels) < loss(agree.roll(1, -1), labels))
        True
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
            input: B x C x H x W [x D] logits or probabilities. Infinite logits count as 1e4 or
                -1e4.
            target: B x 1 x ... labels (with `to_onehot_y`, or for one channel) or B x C x ...
                one-hot.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none").

        Raises:
            ValueError: for shapes that do not go together, or a label that is no class.
        """
        input, target = self._accept(input, target)
        labels = as_labels(target, self.ignore_index)
        self._refuse_strange(labels, max(input.shape[1], 2))
        labels = labels[:, 0]
        log_probs = log_probabilities(finite_logits(self._logits(input)))
        probs = log_probs.exp()
        total = log_probs.new_zeros(input.shape[0])
        edges = log_probs.new_zeros(input.shape[0])
        for axis in range(1, labels.ndim):
            last = labels.shape[axis] - 1
            here = log_probs.narrow(axis + 1, 0, last)
            ahead = log_probs.narrow(axis + 1, 1, last)
            divergence = (probs.narrow(axis + 1, 0, last) * (here - ahead)).sum(1)
            label, next_label = labels.narrow(axis, 0, last), labels.narrow(axis, 1, last)
            differs = (label != next_label).to(divergence.dtype)
            values = F.binary_cross_entropy_with_logits(divergence, differs, reduction="none")
            if self.ignore_index is None:
                counted = torch.ones_like(values)
            else:
                known = (label != self.ignore_index) & (next_label != self.ignore_index)
                counted = known.to(values.dtype)
            total = total + (values * counted).flatten(1).sum(1)
            edges = edges + counted.flatten(1).sum(1)
        means = total / edges.clamp_min(1)
        if self.reduction == "mean":
            return means.sum() / (edges > 0).sum().clamp_min(1)
        return self._reduce(means)
