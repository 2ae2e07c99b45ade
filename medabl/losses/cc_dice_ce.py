"""Dice and cross-entropy, lesion by lesion (Bouteille et al., ISBI 2026)."""

from __future__ import annotations

from typing import NamedTuple

import torch

from medabl.geometry.components import connected_components, most_components, nearest_component
from medabl.geometry.distance_transform import Spacing
from medabl.geometry.voxel_sizes import (
    SpacingOrMeta,
    VoxelSizes,
    as_spacing,
    by_size,
    resolve_spacing,
)
from medabl.losses.cross_entropy import voxel_cross_entropy
from medabl.losses.lesion_loss import LesionLoss
from medabl.losses.options import check_flags
from medabl.losses.tensors import log_probabilities

_SMOOTH = 1e-5


class CCDiceCELoss(LesionLoss):
    r"""Dice + cross-entropy of the image, plus their mean over the surroundings of its lesions.

    .. math::
        L = D_\Omega + E_\Omega + \frac{1}{K} \sum_{k=1}^{K} (D_{R_k} + E_{R_k}), \qquad
        D_R = 1 - \frac{2 \sum_{i \in R} P_i G_i + s}{\sum_{i \in R} (P_i + G_i) + s}, \qquad
        E_R = -\frac{1}{|R|} \sum_{i \in R} \log P_{G_i}(i)

    for each image :math:`\Omega`. :math:`R_k` are the voxels that lie nearest to lesion k, a
    connected component of the foreground (its Voronoi cell): a missed lesion costs the same
    however small it is. This is CC-DiceCE of Bouteille et al., *Learning to look closer: a new
    instance-wise loss for small cerebral lesion segmentation*, ISBI 2026 (arXiv 2511.17146). As
    there, s is :math:`10^{-5}` for the image and 0 for the cells, an image without lesion is one
    cell, and the Dice is that of the foreground. With several classes, each of them has its Dice,
    lesions and cells, and the classes are averaged.

    Args:
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: `input` is one channel of logits; P is [1 - p, p].
        softmax: `input` holds logits of exclusive classes. With neither flag, `input` holds
            probabilities.
        predicted_cells: also add the mean over the cells of the components of the *predicted*
            classes (BiCC): false lesions then count one by one, too. Those are computed anew in
            every step, on the CPU, which takes longer than all the rest.
        spacing: voxel size in mm, one number or one for each spatial axis, of the distances that
            bound the cells, or "meta": that of each image, by the affine of a `target` that is a
            MetaTensor; else they are in voxels. A given `cell_map` has its own.
        reduction: "mean" or "sum" over the images, or "none" for one value an image.
        ignore_index: voxels with this label take no part, and belong to no lesion.

    Raises:
        ValueError: if both `sigmoid` and `softmax` are set or `reduction` is unknown.

    Example:
        >>> loss = CCDiceCELoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 1, 0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 6), labels)
        tensor(2.4006)
    """

    def __init__(
        self,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        predicted_cells: bool = False,
        spacing: SpacingOrMeta = None,
        reduction: str = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            ignore_index=ignore_index,
            reduction=reduction,
        )
        check_flags(predicted_cells=predicted_cells)
        self.predicted_cells = predicted_cells
        self.spacing = as_spacing(spacing)

    def forward(
        self, input: torch.Tensor, target: torch.Tensor, cell_map: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`, or for one channel) or B x C x ...
                one-hot.
            cell_map: B x (C - 1) x ... (one channel for one) number of the lesion nearest to a
                voxel, from 1, or 0 where a class has none, as `medabl.transforms.LesionCellMapd`
                gives it; computed if missing.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none").

        Raises:
            ValueError: for shapes that do not go together, or a number in `cell_map` that no lesion
                can have.
        """
        spacing: Spacing | VoxelSizes = None
        if cell_map is None or self.predicted_cells:
            spacing = resolve_spacing(self.spacing, target, "target")
        input, target = self._accept(input, target)
        valid = self._valid(target)
        log_probs = log_probabilities(self._logits(input))
        one_hot = self._one_hot(input, target, valid)
        truth = self._foreground(one_hot)
        probs = log_probs[:, 1:].exp()
        counted = truth.new_ones(()).expand_as(truth)
        if valid is not None:
            probs, truth, counted = (x.where(valid, 0) for x in (probs, truth, counted))
        entropy = voxel_cross_entropy(log_probs, one_hot, valid).expand_as(truth)
        values = _Sums(probs * truth, probs + truth, entropy, counted)

        cells = _cells(truth, spacing) if cell_map is None else self._given_cells(cell_map, input)
        sums = _sums_over(cells, values)
        image = _Sums(*[x.sum(2) for x in sums])
        loss = _dice_ce(image, _SMOOTH) + _mean_over_cells(sums)
        if self.predicted_cells:
            classes = torch.arange(1, log_probs.shape[1], device=input.device)
            likeliest = log_probs.argmax(1, keepdim=True)
            predicted = likeliest == classes.view(-1, *[1] * (input.ndim - 2))
            cells = _cells(predicted if valid is None else predicted & valid, spacing)
            loss = loss + _mean_over_cells(_sums_over(cells, values))
        return self._reduce(loss.mean(1))

    def _given_cells(self, cell_map: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
        cells = self._given(cell_map, input, "cell_map")
        # On other devices the look would wait for them, and a wrong number is found by themselves.
        if cells.device.type == "cpu" and not torch.compiler.is_compiling():
            most = most_components(cells.shape[2:])
            low, high = (int(end) for end in cells.aminmax()) if cells.numel() else (0, 0)
            if low < 0 or high > most:
                raise ValueError(
                    f"cell_map must hold numbers of lesions, from 0 to {most} at this size, got "
                    f"{low} to {high}."
                )
        return cells


def _cells(mask: torch.Tensor, spacing: Spacing | VoxelSizes) -> torch.Tensor:
    return by_size(nearest_component, spacing, connected_components(mask))


class _Sums(NamedTuple):
    """What Dice and cross-entropy of a region are made of, summed over its voxels."""

    overlap: torch.Tensor
    volumes: torch.Tensor
    entropy: torch.Tensor
    voxels: torch.Tensor


def _sums_over(cells: torch.Tensor, values: _Sums) -> _Sums:
    """Of values B x C x ..., their sums over each cell: B x C x cells.

    There are as many cells as there could be, so that nothing waits for the device to count them.
    """
    images, classes = cells.shape[:2]
    number = most_components(cells.shape[2:]) + 1
    first = torch.arange(0, images * classes * number, number, device=cells.device)
    index = (cells.flatten(0, 1).flatten(1).int() + first[:, None].int()).flatten()
    empty = values.overlap.new_zeros(images * classes * number)
    sums = [empty.index_add(0, index, value.flatten()) for value in values]
    return _Sums(*[x.view(images, classes, number) for x in sums])


def _mean_over_cells(sums: _Sums) -> torch.Tensor:
    """B x C mean of Dice + cross-entropy over the cells that have a voxel."""
    filled = sums.voxels > 0
    return _dice_ce(sums, 0.0).where(filled, 0).sum(2) / filled.sum(2).clamp_min(1)


def _dice_ce(sums: _Sums, smooth: float) -> torch.Tensor:
    """Dice loss + cross-entropy of regions."""
    # Below 1 there is no lesion and no overlap; the floor keeps the gradient of that 0 finite.
    dice = (2 * sums.overlap + smooth) / (sums.volumes + smooth).clamp_min(1e-7)
    return 1 - dice + sums.entropy / sums.voxels.clamp_min(1)
