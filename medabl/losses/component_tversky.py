"""Component-adaptive Tversky loss (Luu et al., arXiv 2604.08015)."""

from __future__ import annotations

import torch

from medabl.geometry.components import component_sizes, connected_components
from medabl.losses.lesion_loss import LesionLoss
from medabl.losses.options import is_number, wrong_numbers

_SMOOTH = 1e-5


class ComponentTverskyLoss(LesionLoss):
    r"""One minus a Tversky index to which every lesion contributes about the same.

    .. math::
        L = 1 - \frac{TP + \delta}{TP + \alpha FP + \beta FN + \delta}, \qquad
        TP = \sum_i w_i P_i G_i, \quad FP = \sum_i w_i P_i (1 - G_i), \quad
        FN = \sum_i w_i (1 - P_i) G_i

    for each image and class but the background, with :math:`\delta = 10^{-5}` and

    .. math::
        w_i = \begin{cases} 1 / (|C| + \epsilon) & i \text{ in a lesion } C \\
                            w_\text{bg} & \text{else} \end{cases}

    A lesion is a connected component of a class. This is the CAT term of Luu et al., *Component-
    adaptive and lesion-level supervision for improved small structure segmentation in brain MRI*,
    arXiv 2604.08015, with the constants of their text; they add it, with a small weight that grows
    over the first third of the training, to Dice + cross-entropy, and use 6-connected lesions,
    where here as everywhere in medabl diagonals connect. An image without lesion adds 0, as does
    theirs where the whole batch has none: alone this loss would teach nothing there.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`.
        softmax: apply a softmax over the channels of `input`.
        alpha: weight of false positives.
        beta: weight of false negatives.
        size_offset: voxels added to the size of a lesion, so that the smallest do not weigh most.
        background_weight: weight of the voxels outside the lesions.
        reduction: "mean" or "sum" over the images, or "none" for one value an image.
        ignore_index: voxels with this label take no part, and belong to no lesion.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set, `reduction` is unknown, or a weight or
            the offset is negative.

    Example:
        >>> loss = ComponentTverskyLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 4), labels)
        tensor(0.4189)
    """

    def __init__(
        self,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        alpha: float = 0.3,
        beta: float = 0.7,
        size_offset: float = 5.0,
        background_weight: float = 0.01,
        reduction: str = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            ignore_index=ignore_index,
            reduction=reduction,
            complaints=_wrong_weights(
                alpha=alpha,
                beta=beta,
                size_offset=size_offset,
                background_weight=background_weight,
            ),
        )
        self.alpha = alpha
        self.beta = beta
        self.size_offset = size_offset
        self.background_weight = background_weight

    def forward(
        self, input: torch.Tensor, target: torch.Tensor, size_map: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`) or B x C x ... one-hot.
            size_map: B x (C - 1) x ... (one channel for one) number of voxels of the lesion a voxel
                belongs to, as `medabl.transforms.LesionSizeMapd` gives it; computed if missing.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none").

        Raises:
            ValueError: for shapes that do not go together, or several channels with `sigmoid`.
        """
        input, target = self._accept(input, target)
        self._refuse_regions(input)
        valid = self._valid(target)
        probs = self._foreground(self._activate(input))
        truth = self._foreground(self._one_hot(input, target, valid))
        if valid is not None:
            probs, truth = probs.where(valid, 0), truth.where(valid, 0)
        if size_map is None:
            sizes = component_sizes(connected_components(truth))
        else:
            sizes = self._given(size_map, input, "size_map")
        # Where the truth is 0, so is what this is multiplied with; a lesion has a voxel at least.
        weighted = truth / (sizes.clamp_min(1) + self.size_offset).to(truth.dtype)
        lesions = weighted.flatten(2).sum(2)
        hits = (weighted * probs).flatten(2).sum(2)
        false = self.background_weight * (probs * (1 - truth)).flatten(2).sum(2)
        misses = lesions - hits
        index = (hits + _SMOOTH) / (hits + self.alpha * false + self.beta * misses + _SMOOTH)
        return self._reduce((1 - index).where(lesions > 0, 0).mean(1))


def _wrong_weights(**weights: float) -> list[str]:
    negative = [
        f"{name} must not be negative, got {value}"
        for name, value in weights.items()
        if is_number(value) and value < 0
    ]
    return wrong_numbers(**weights) + negative
