"""Full KL-divergence loss, the dense relative of the active boundary loss."""

from __future__ import annotations

import torch

from medabl.geometry.predicted_boundaries import MIN_DIVERGENCE
from medabl.losses.base import SegmentationLoss, as_labels, log_probabilities


class FullKLLoss(SegmentationLoss):
    r"""Neighbours differ in prediction exactly where they differ in label.

    With :math:`d_{ij} = \mathrm{KL}(P_i \| P_j)` between a voxel and a forward neighbour,
    :math:`1 - e^{-d_{ij}}` is read as the probability that a boundary runs between them, and the
    loss is the binary cross-entropy of all pairs of an image against the true boundary:

    .. math::
        L = \frac{1}{|E|} \sum_{(i,j) \in E} \begin{cases}
            d_{ij} & y_i = y_j \\ -\log(1 - e^{-d_{ij}}) & y_i \ne y_j \end{cases}

    Wang et al. (AAAI 2022) compare ABL with a loss of this kind, FKL (Eq. 7), which supervises the
    divergence of all neighbouring pixels and not only of those on the predicted boundary. Their
    code does not contain it and we could not read the exact form of Eq. 7, so this is the
    cross-entropy that the description implies, and not a verified reproduction. Divergences are
    kept above 1e-5 inside the logarithm.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: `input` is one channel of logits; P is [1 - p, p].
        softmax: `input` holds logits of exclusive classes. With neither flag, `input` holds
            probabilities.
        ignore_index: pairs with a voxel of this label take no part.
        reduction: "mean" or "sum" over the images, or "none" for one value an image; images
            without a pair are 0 and not counted in the mean.

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
            to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction
        )
        self.ignore_index = ignore_index

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`, or for one channel) or B x C x ...
                one-hot.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none").

        Raises:
            ValueError: for shapes that do not go together.
        """
        self._check(input, target)
        labels = as_labels(target, self.ignore_index)[:, 0]
        log_probs = log_probabilities(self._logits(input))
        probs = log_probs.exp()
        total = log_probs.new_zeros(input.shape[0])
        pairs = log_probs.new_zeros(input.shape[0])
        for axis in range(1, labels.ndim):
            last = labels.shape[axis] - 1
            here = log_probs.narrow(axis + 1, 0, last)
            ahead = log_probs.narrow(axis + 1, 1, last)
            divergence = (probs.narrow(axis + 1, 0, last) * (here - ahead)).sum(1)
            label, next_label = labels.narrow(axis, 0, last), labels.narrow(axis, 1, last)
            apart = -torch.log(-torch.expm1(-divergence.clamp_min(MIN_DIVERGENCE)))
            values = torch.where(label == next_label, divergence, apart)
            if self.ignore_index is None:
                counted = torch.ones_like(values)
            else:
                known = (label != self.ignore_index) & (next_label != self.ignore_index)
                counted = known.to(values.dtype)
            total = total + (values * counted).flatten(1).sum(1)
            pairs = pairs + counted.flatten(1).sum(1)
        means = total / pairs.clamp_min(1)
        if self.reduction == "mean":
            return means.sum() / (pairs > 0).sum().clamp_min(1)
        return self._reduce(means)
