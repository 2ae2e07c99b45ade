"""Generalised Dice loss (Sudre et al., 2017) as Kervadec et al. use it."""

from __future__ import annotations

import torch

from medabl.losses.base import SegmentationLoss

_SMOOTH = 1e-10


class GeneralizedDiceLoss(SegmentationLoss):
    r"""One minus the Dice score of all classes, each weighted by its inverse squared volume.

    .. math::
        L = 1 - 2\, \frac{\sum_c w_c \sum_i G_c P_c + \epsilon}
                         {\sum_c w_c \sum_i (G_c + P_c) + \epsilon}, \qquad
        w_c = \frac{1}{(|G_c| + \epsilon)^2}, \qquad \epsilon = 10^{-10}

    for each image (Sudre et al., DLMIA 2017; constants of the code of Kervadec et al., MIDL 2019).

    A class that is absent from an image gets the weight 1e20 there, which swamps the others: the
    loss of that image is nearly 1 with almost no gradient, whatever the prediction. Networks are
    thus hardly trained on empty slices. `monai.losses.GeneralizedDiceLoss` gives such a class the
    largest finite weight instead.

    Args:
        include_background: let channel 0 take part (ignored for a single channel).
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`. Of several channels (regions that may overlap) each has
            a loss of its own; MONAI's would weight their sum.
        softmax: apply a softmax over the channels of `input`.
        reduction: "mean" or "sum" over the images (MONAI's sums over the classes, too), or "none"
            for one value an image (and region).
        ignore_index: voxels with this label take no part.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = GeneralizedDiceLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 4), labels)
        tensor(0.5000)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: str = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background=include_background,
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
            target: B x 1 x ... labels (with `to_onehot_y`) or B x C x ... one-hot; multi-hot with
                `sigmoid`.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none", B x C of
            regions).

        Raises:
            ValueError: for shapes that do not go together, or a label that is no class.
        """
        input, target = self._accept(input, target)
        valid = self._valid(target)
        probs = self._keep(self._activate(input))
        truth = self._keep(self._one_hot(input, target, valid))
        if valid is not None:
            valid = self._keep(valid)
            probs, truth = probs.where(valid, 0), truth.where(valid, 0)
        probs, truth = probs.flatten(2), truth.flatten(2)
        volume = truth.sum(2)
        weight = (volume + _SMOOTH).square().reciprocal()
        overlap = weight * (probs * truth).sum(2)
        total = weight * (probs.sum(2) + volume)
        if not self._has_regions(input):
            overlap, total = overlap.sum(1), total.sum(1)
        return self._reduce(1 - 2 * (overlap + _SMOOTH) / (total + _SMOOTH))
