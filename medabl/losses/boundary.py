"""Boundary loss (Kervadec et al., MIDL 2019)."""

from __future__ import annotations

import torch

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.signed_distances import signed_distance
from medabl.geometry.voxel_sizes import SpacingOrMeta
from medabl.losses.doubts import doubt_distances, warn_of
from medabl.losses.probability_map import ProbabilityMapLoss
from medabl.losses.tensors import as_distances


class BoundaryLoss(ProbabilityMapLoss):
    r"""Probabilities weighted by the signed distance to the true boundary.

    .. math:: L = \frac{1}{|B|\,|C|\,|\Omega|} \sum_{b,c,i} P_c(i)\, \phi_c(i)

    with :math:`\phi_c` positive outside class c and negative inside (see
    `medabl.geometry.signed_distance`); Kervadec et al., *Boundary loss for highly unbalanced
    segmentation*, MIDL 2019, in the form of their released code. It can be negative.

    Args:
        include_background: let channel 0 take part (ignored for a single channel). By default it
            does not, as Kervadec trains on WMH, unless `sigmoid` makes it a region like the others;
            `monai.losses.BoundaryLoss` has it on.
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`; several channels may overlap then, and `target` is
            multi-hot.
        softmax: apply a softmax over the channels of `input`.
        spacing: voxel size in mm, one number or one for each spatial axis, as in the code of 2021,
            or "meta": that of each image, by the affine of a `target` that is a MetaTensor; else
            distances are in voxels.
        reduction: "mean" or "sum" over the voxels and classes that take part, or "none" for the
            values of all voxels.
        ignore_index: voxels with this label take no part, and bound no class.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = BoundaryLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 4), labels)
        tensor(0.2500)
    """

    def __init__(
        self,
        include_background: bool | None = None,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        spacing: SpacingOrMeta = None,
        reduction: str = "mean",
        ignore_index: int | None = None,
    ) -> None:
        if include_background is None:
            include_background = sigmoid and not to_onehot_y
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, spacing, reduction, ignore_index
        )

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        distance_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`) or B x C x ... one-hot.
            distance_map: B x C x ... signed distances of all classes, or of those that take part,
                as `medabl.geometry.signed_distance` gives them; computed if missing.

        Returns:
            the loss, a tensor without dimensions (B x C' x ... with reduction="none", C' the
            classes that take part).

        Raises:
            ValueError: for shapes that do not go together, or a label that is no class.
        """
        if distance_map is not None and self.ignore_index is None:
            distances = as_distances(distance_map)
            if self._may_look_at("distance_map", distances):
                warn_of(doubt_distances(distances, self.spacing))
        return self._weighted(input, target, distance_map, "distance_map")

    def _map(
        self, one_hot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        return signed_distance(one_hot, spacing, valid)
