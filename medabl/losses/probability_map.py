"""The base of losses that are probabilities weighted by a map of the truth."""

from __future__ import annotations

from abc import abstractmethod

import torch

from medabl.geometry.distance_transform import Spacing
from medabl.geometry.voxel_sizes import SpacingOrMeta, as_spacing, by_size, resolve_spacing
from medabl.losses.base import SegmentationLoss
from medabl.losses.options import complaints_of
from medabl.losses.tensors import as_distances


class ProbabilityMapLoss(SegmentationLoss):
    """Mean over voxels and classes of the probability times a map.

    Args:
        include_background: let channel 0 take part (ignored for a single channel).
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`.
        softmax: apply a softmax over the channels of `input`.
        spacing: voxel size in mm, one number or one for each spatial axis, or "meta": that of each
            image, by the affine of a `target` that is a MetaTensor; else distances are in voxels.
        reduction: "mean" or "sum" over the voxels and classes that take part, or "none" for the
            values of all voxels.
        ignore_index: voxels with this label take no part, and bound no class.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.
    """

    def __init__(
        self,
        include_background: bool,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        spacing: SpacingOrMeta = None,
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
            complaints=complaints_of(as_spacing, spacing),
        )
        self.spacing = as_spacing(spacing)

    @abstractmethod
    def _map(
        self, one_hot: torch.Tensor, valid: torch.Tensor | None, spacing: Spacing
    ) -> torch.Tensor:
        """The map of the classes in `one_hot`, of its shape."""

    def _weighted(
        self, input: torch.Tensor, target: torch.Tensor, given: torch.Tensor | None, name: str
    ) -> torch.Tensor:
        """The loss with the map `given`, called `name`, or with one that is computed.

        Raises:
            ValueError: for shapes that do not go together.
        """
        spacing = resolve_spacing(self.spacing, target, "target") if given is None else None
        input, target = self._accept(input, target)
        valid = self._valid(target)
        counted = None if valid is None else self._keep(valid)
        if given is None:
            one_hot = self._keep(self._one_hot(input, target, valid))
            weight = by_size(self._map, spacing, one_hot, counted)
        else:
            weight = as_distances(given, name)
            if weight.shape == input.shape:
                weight = self._keep(weight)
        probs = self._keep(self._activate(input))
        if weight.shape != probs.shape:
            raise ValueError(
                f"{name} must have the shape {tuple(input.shape)} or {tuple(probs.shape)}, "
                f"got {tuple(weight.shape)}."
            )
        values = probs * weight.to(probs.dtype)
        if counted is None:
            return self._reduce(values)
        values = values.where(counted, 0)
        if self.reduction == "mean":
            return values.sum() / counted.expand_as(values).sum().clamp_min(1)
        return self._reduce(values)
