"""Active boundary loss (Wang et al., AAAI 2022)."""

from __future__ import annotations

import math

import torch

from medabl.geometry.boundary_distances import boundary_distance
from medabl.geometry.distance_transform import Spacing, distance_transform_edt
from medabl.geometry.label_boundaries import label_boundary
from medabl.geometry.predicted_boundaries import MIN_DIVERGENCE
from medabl.geometry.voxel_sizes import (
    SpacingOrMeta,
    VoxelSizes,
    as_spacing,
    by_size,
    resolve_spacing,
)
from medabl.losses.active_boundary.op import active_boundary_values
from medabl.losses.active_boundary.settings import Settings, wrong_options
from medabl.losses.base import SegmentationLoss
from medabl.losses.doubts import doubt_distances, warn_of
from medabl.losses.options import complaints_of, refuse, wrong_choices, wrong_flags
from medabl.losses.tensors import as_distances, as_labels, regions_as_images

_VARIANTS = ("paper", "released")


class ActiveBoundaryLoss(SegmentationLoss):
    r"""Move the predicted boundary, voxel by voxel, towards the true one.

    Every voxel i of the predicted boundary compares itself with its neighbours n through
    :math:`a_n = \mathrm{KL}(P_n \| P_i)` and should differ most from the neighbour nearest to the
    ground-truth boundary:

    .. math::
        L = \frac{1}{N} \sum_i \frac{\min(M_i, \theta)}{\theta}\,
            \mathrm{CE}\bigl(\mathrm{softmax}(a_{i}),\, t_i\bigr)

    with M the distance to the ground-truth boundary and t the smoothed one-hot direction
    (Wang et al., *Active Boundary Loss for Semantic Segmentation*, AAAI 2022).

    The mean is taken over the boundary voxels of each image that are off the true boundary. An
    image without any (no true boundary, no predicted one, everything ignored) adds nothing:
    "mean" averages over the other images, and if there are none the loss is a zero through which
    a gradient (of zeros) flows.

    Infinite logits count as 1e4 or -1e4. An image with a NaN among its logits (ignored voxels
    aside) has the loss NaN and a gradient of NaN: a network that diverges must not go unnoticed.

    ``variant="released"`` repeats the authors' released code (2D), which differs from the paper:

    1. the threshold is shared by the batch, runs through 1e-5 * 1.2^n, on the sum over axes, and
       may leave no boundary at all;
    2. distances are cut to integers after one is taken off, so that the weights are smaller;
    3. the voxel itself competes for the nearest, and drops out if it wins;
    4. beyond the edge the image is replicated, at distance 1e5; smoothing leaves s/8 to the others;
    5. ignored voxels count as true boundary, and all kept voxels of the batch share one mean.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: `input` holds logits of one class, or of several regions that may overlap (as in
            BraTS) with a multi-hot `target`; P is [1 - p, p] of each channel, and every channel of
            every image counts as an image of its own.
        softmax: `input` holds logits of exclusive classes. With neither flag, `input` holds
            probabilities.
        max_boundary_ratio: share of the voxels of an image taken as predicted boundary, before it
            is dilated by one voxel; at least one voxel. Where more voxels than that share the
            largest divergence, as many as are allowed are taken, evenly spread over them.
        max_distance: theta, in voxels (in mm with `spacing`).
        label_smoothing: s; the chosen direction gets 1 - s, the others s/7 (3D: s/25) each.
        detach_neighbors: no gradient flows to the neighbours (the paper).
        ignore_index: voxels with this label are on no boundary, make none, and are nobody's
            neighbour.
        spacing: voxel size in mm, one number or one for each spatial axis, or "meta": that of each
            image, by the affine of a `target` that is a MetaTensor.
        variant: "paper" or "released".
        predicted_boundary: "divergence": the voxels of the largest divergence (the paper); "class":
            only those of them where the *predicted class* changes, so that texture inside a region
            is no boundary.
        boundary_factor: the predicted boundary is at most so many times as large as the true one,
            instead of `max_boundary_ratio` of the image: where little is to be segmented 1 % of the
            image is mostly noise, where much is, it is a part of the boundary.
        min_divergence: what a divergence has to exceed to be a boundary; 1e-5 (the paper) lets
            almost anything pass, so that the threshold depends on the share alone.
        reach: only voxels at most this far from the true boundary (in voxels; in mm with
            `spacing`) are moved: far away the way to it is no news.
        share_ties: neighbours equally near to the true boundary share the target, which the paper
            gives to the first of them in a fixed order.
        reduction: "mean" or "sum" over the images, or "none" for one value an image, B x C of
            regions ("released" knows "mean" only).

    Raises:
        ValueError: for flags that contradict each other, or values out of range.

    Example:
        >>> loss = ActiveBoundaryLoss(to_onehot_y=True, softmax=True)
        >>> logits = torch.randn(2, 3, 64, 64, requires_grad=True)
        >>> labels = torch.zeros(2, 1, 64, 64)
        >>> labels[..., 20:40, 16:48] = 1
        >>> value = loss(logits, labels)
        >>> value.backward()
        >>> bool(value > 0), logits.grad.shape
        (True, torch.Size([2, 3, 64, 64]))
    """

    def __init__(
        self,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        max_boundary_ratio: float = 0.01,
        max_distance: float = 20.0,
        label_smoothing: float = 0.2,
        detach_neighbors: bool = True,
        ignore_index: int | None = None,
        spacing: SpacingOrMeta = None,
        variant: str = "paper",
        reduction: str = "mean",
        predicted_boundary: str = "divergence",
        boundary_factor: float | None = None,
        min_divergence: float = MIN_DIVERGENCE,
        reach: float | None = None,
        share_ties: bool = False,
    ) -> None:
        super().__init__(
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            ignore_index=ignore_index,
            reduction=reduction,
            complaints=[
                *wrong_choices(_VARIANTS, variant=variant),
                *wrong_options(
                    max_boundary_ratio, label_smoothing, predicted_boundary,
                    max_distance=max_distance, boundary_factor=boundary_factor, reach=reach,
                    min_divergence=min_divergence,
                ),
                *wrong_flags(detach_neighbors=detach_neighbors, share_ties=share_ties),
                *complaints_of(as_spacing, spacing),
            ],
        )  # fmt: skip
        self.max_boundary_ratio = max_boundary_ratio
        self.max_distance = max_distance
        self.label_smoothing = label_smoothing
        self.detach_neighbors = detach_neighbors
        self.spacing = as_spacing(spacing)
        self.variant = variant
        self.predicted_boundary = predicted_boundary
        self.boundary_factor = boundary_factor
        self.min_divergence = min_divergence
        self.reach = reach
        self.share_ties = share_ties
        only_as_released = {
            'has reduction="mean" only': self.reduction == "mean",
            "has none of predicted_boundary, boundary_factor, min_divergence, reach and share_ties":
                self._settings().published,
        }  # fmt: skip
        if variant == "released":
            broken = [text for text, kept in only_as_released.items() if not kept]
            refuse([f'variant="released" repeats code that {text}' for text in broken])

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        distance_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`, or for one channel) or B x C x ...
                one-hot.
            distance_map: B x 1 x H x W [x D] distance to the ground-truth boundary, as
                `medabl.geometry.boundary_distance` gives it, integers or floats; computed if
                missing. B x C x ... of regions.

        Returns:
            the loss, without dimensions (B values with reduction="none", B x C of regions).

        Raises:
            ValueError: for shapes that do not go together, or a label that is no class.
        """
        computed = distance_map is None
        spacing = resolve_spacing(self.spacing, target, "target") if computed else None
        input, target = self._accept(input, target)
        images = len(input)
        if self._has_regions(input):
            input, target, distance_map = regions_as_images(
                input, target, distance_map, self.to_onehot_y
            )
        if self.variant == "released" and input.ndim != 4:
            raise ValueError('variant="released" is 2D only; use variant="paper" for volumes.')
        labels = as_labels(target, self.ignore_index)
        self._refuse_strange(labels, max(input.shape[1], 2))
        distance = self._distance(labels, distance_map, spacing)[:, 0]
        valid = None if self.ignore_index is None else (labels != self.ignore_index)[:, 0]
        settings = self._settings()
        values, weights = active_boundary_values(self._logits(input), distance, valid, settings)
        if self.reduction == "mean":
            return values.sum() / self._count(weights)
        return self._reduce(values if len(values) == images else values.view(images, -1))

    def _settings(self) -> Settings:
        return Settings(
            self.max_boundary_ratio,
            self.max_distance,
            self.label_smoothing,
            self.detach_neighbors,
            released=self.variant == "released",
            class_change=self.predicted_boundary == "class",
            boundary_factor=self.boundary_factor or 0.0,
            min_divergence=self.min_divergence,
            reach=math.inf if self.reach is None else self.reach,
            share_ties=self.share_ties,
        )

    def _count(self, weights: torch.Tensor) -> torch.Tensor:
        """How many images, or as released voxels, the mean is over; at least 1.

        Several processes with a part of the batch each count those of all parts instead.
        """
        return weights.sum().clamp_min(1)

    @torch.no_grad()
    def _distance(
        self,
        labels: torch.Tensor,
        distance_map: torch.Tensor | None,
        spacing: Spacing | VoxelSizes,
    ) -> torch.Tensor:
        if distance_map is not None:
            distance_map = as_distances(distance_map)
            if distance_map.shape != labels.shape:
                raise ValueError(
                    f"distance_map must have the shape {tuple(labels.shape)}, "
                    f"got {tuple(distance_map.shape)}."
                )
            if self._may_look_at("distance_map", distance_map):
                warn_of(doubt_distances(distance_map, self.spacing))
            return distance_map
        if self.variant == "paper":
            ignore_index = self.ignore_index
            return by_size(lambda x, mm: boundary_distance(x, mm, ignore_index), spacing, labels)
        boundary = label_boundary(labels)
        if self.ignore_index is not None:
            boundary = boundary | (labels == self.ignore_index)
        return by_size(distance_transform_edt, spacing, ~boundary)
