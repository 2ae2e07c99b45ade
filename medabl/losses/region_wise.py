"""Region-wise loss with rectified maps (Valverde & Tohka, Pattern Recognition 2023)."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.region_wise import region_wise_map
from medabl.geometry.voxel_sizes import SpacingOrMeta
from medabl.losses.probability_map import ProbabilityMapLoss


class RegionWiseLoss(ProbabilityMapLoss):
    r"""Probabilities weighted by -1 deep inside their class, nearly 0 at its rim and +1 outside.

    .. math:: L = \frac{1}{|B|\,|C|\,|\Omega|} \sum_{b,c,i} P_c(i)\, M_c(i)

    with the rectified region-wise (RRW) map M, which is minus the depth of voxel i in class c,
    divided by that of its deepest voxel in the image, inside, and 1 outside (see
    `medabl.geometry.region_wise_map`); Valverde & Tohka, *Region-wise loss for biomedical image
    segmentation*, Pattern Recognition 2023 (arXiv 2108.01405), in the form of their released code.
    Unlike the maps of `BoundaryLoss`, which it otherwise resembles, those of RRW penalise a false
    voxel as much near the class as far from it, and can be trained with alone. It is between -1
    and 1, and negative when the prediction is good.

    Args:
        include_background: let channel 0 take part (ignored for a single channel), as published.
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`.
        softmax: apply a softmax over the channels of `input`.
        spacing: voxel size in mm, one number or one for each spatial axis, or "meta": that of each
            image, by the affine of a `target` that is a MetaTensor; else depths are in voxels, as
            published.
        reduction: "mean" or "sum" over the voxels and classes that take part, or "none" for the
            values of all voxels.
        ignore_index: voxels with this label take no part, and bound no class.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = RegionWiseLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 4), labels)
        tensor(0.0625)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        spacing: SpacingOrMeta = None,
        reduction: str = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, spacing, reduction, ignore_index
        )

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        region_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`) or B x C x ... one-hot.
            region_map: B x C x ... maps of all classes, or of those that take part, as
                `medabl.geometry.region_wise_map` gives them; computed if missing.

        Returns:
            the loss, a tensor without dimensions (B x C' x ... with reduction="none", C' the
            classes that take part).

        Raises:
            ValueError: for shapes that do not go together.
        """
        return self._weighted(input, target, region_map, "region_map")

    def _map(
        self, one_hot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return region_wise_map(one_hot, spacing, valid)
