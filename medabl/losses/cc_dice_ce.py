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
from medabl.losses.lesion_loss import LesionLoss
from medabl.losses.options import complaints_of, wrong_flags
from medabl.losses.tensors import as_labels, log_probabilities

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
            complaints=[
                *wrong_flags(predicted_cells=predicted_cells),
                *complaints_of(as_spacing, spacing),
            ],
        )
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
        labels = as_labels(target).long()
        labels = labels if valid is None else labels.where(valid, 0)
        log_true = self._by_label(
            lambda index: log_probs.gather(1, index), labels, log_probs.shape[1]
        )
        voxels = _Voxels(labels, log_true, log_probs[:, 1:].exp(), valid)
        if valid is not None:
            probs = voxels.probs.where(valid, 0)
            voxels = voxels._replace(log_true=log_true.where(valid, 0), probs=probs)

        if cell_map is None:
            cells = _cells(_of_classes(labels, input), spacing)
        else:
            cells = self._given(cell_map, input, "cell_map")
        sums = _sums_over(cells, _number_of(cells), voxels)
        image = _Sums(*[x.sum(2) for x in sums])
        loss = _dice_ce(image, _SMOOTH) + _mean_over_cells(sums)
        if self.predicted_cells:
            likeliest = log_probs.argmax(1, keepdim=True)
            predicted = likeliest if valid is None else likeliest.where(valid, 0)
            cells = _cells(_of_classes(predicted, input), spacing)
            loss = loss + _mean_over_cells(_sums_over(cells, _number_of(cells), voxels))
        return self._reduce(loss.mean(1))


class _Voxels(NamedTuple):
    """What is summed: labels and their log-probability B x 1 x ..., classes' probabilities.

    Outside `valid` all of them are 0.
    """

    labels: torch.Tensor
    log_true: torch.Tensor
    probs: torch.Tensor
    valid: torch.Tensor | None


class _Sums(NamedTuple):
    """What Dice and cross-entropy of a region are made of, summed over its voxels."""

    overlap: torch.Tensor
    volumes: torch.Tensor
    entropy: torch.Tensor
    voxels: torch.Tensor


def _of_classes(labels: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
    """B x 1 x ... labels to the masks B x classes x ... of all but the background."""
    classes = torch.arange(1, max(input.shape[1], 2), device=labels.device)
    return labels == classes.view(-1, *[1] * (labels.ndim - 2))


def _cells(mask: torch.Tensor, spacing: Spacing | VoxelSizes) -> torch.Tensor:
    return by_size(nearest_component, spacing, connected_components(mask))


def _number_of(cells: torch.Tensor) -> int:
    """How many numbers a cell can have, 0 included.

    Elsewhere than on the CPU to look would wait for the device, and a wrong number is found by
    itself.

    Raises:
        ValueError: for a number that no lesion can have.
    """
    most = most_components(cells.shape[2:])
    if cells.device.type != "cpu" or torch.compiler.is_compiling() or not cells.numel():
        return most + 1
    low, high = (int(end) for end in cells.aminmax())
    if low < 0 or high > most:
        raise ValueError(
            f"cell_map must hold numbers of lesions, from 0 to {most} at this size, got {low} to "
            f"{high}."
        )
    return high + 1


def _sums_over(cells: torch.Tensor, number: int, voxels: _Voxels) -> _Sums:
    """The sums over each cell, B x classes x number."""
    images, classes = cells.shape[:2]
    size = images * classes * number
    first = torch.arange(0, size, number, device=cells.device, dtype=torch.int32)
    index = cells.flatten(2).int() + first.view(images, classes, 1)
    labels, log_true, probs = (x.flatten(2) for x in voxels[:3])
    lesion = labels > 0
    # What is not 0 in the voxels' own class alone is added up there, once a voxel.
    own = index.gather(1, (labels - 1).clamp_min(0))

    on_cpu = cells.device.type == "cpu" and not torch.compiler.is_compiling()

    def add(where: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        added = values.new_zeros(size).index_add(0, where.flatten(), values.flatten())
        return added.view(images, classes, number)

    def add_both(one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if not on_cpu:
            return add(index, one), add(index, other)
        # Pairs take as long as numbers there, since a sum waits for the one before it.
        pairs = add(index, torch.complex(one, other))
        return pairs.real, pairs.imag

    def count(where: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
        if not on_cpu:
            ones = probs.new_ones(()) if counted is None else counted.to(probs.dtype)
            return add(where, ones.expand_as(where))
        # Several times as fast; what does not count goes behind the last cell.
        where = where if counted is None else where.where(counted, size)
        counts = torch.bincount(where.flatten(), minlength=size + 1)[:size]
        return counts.to(probs.dtype).view(images, classes, number)

    mass, entropy = add_both(probs, -log_true.expand_as(index))
    return _Sums(
        overlap=add(own, log_true.exp().where(lesion, 0)),
        volumes=mass + count(own, lesion),
        entropy=entropy,
        voxels=count(index, None if voxels.valid is None else voxels.valid.flatten(2)),
    )


def _mean_over_cells(sums: _Sums) -> torch.Tensor:
    """B x C mean of Dice + cross-entropy over the cells that have a voxel."""
    filled = sums.voxels > 0
    return _dice_ce(sums, 0.0).where(filled, 0).sum(2) / filled.sum(2).clamp_min(1)


def _dice_ce(sums: _Sums, smooth: float) -> torch.Tensor:
    """Dice loss + cross-entropy of regions."""
    # Below 1 there is no lesion and no overlap; the floor keeps the gradient of that 0 finite.
    dice = (2 * sums.overlap + smooth) / (sums.volumes + smooth).clamp_min(1e-7)
    return 1 - dice + sums.entropy / sums.voxels.clamp_min(1)
