"""Mean IoU and pixel accuracy of label maps with several classes."""

from __future__ import annotations

import torch
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from medabl.metrics.cumulative import check_pair, plain


def mean_iou(counts: Tensor) -> Tensor:
    """Mean intersection over union of the classes that occur, from `class_counts`.

    IoU_c = agreeing_c / (predicted_c + there_c - agreeing_c), counts summed over all images first,
    as on Cityscapes and ADE20K; a class that is neither predicted nor there is left out.

    Args:
        counts: B x C x 3.

    Returns:
        a scalar, NaN if no class occurs.
    """
    agreeing, predicted, there = counts.sum(0).double().unbind(1)
    return (agreeing / (predicted + there - agreeing)).nanmean()


def pixel_accuracy(counts: Tensor) -> Tensor:
    """Share of the counted voxels whose class is right, over all images, from `class_counts`.

    Args:
        counts: B x C x 3.

    Returns:
        a scalar, NaN if no voxel is counted.
    """
    agreeing, _, there = counts.sum((0, 1)).double()
    return agreeing / there


def class_counts(
    pred: Tensor, ref: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """How many voxels of each class agree, are predicted, and are there.

    Args:
        pred: B x ... class indices.
        ref: B x ... class indices; voxels of `ignore_index` are not counted at all.
        num_classes: C.
        ignore_index: a label of `ref`, or None.

    Returns:
        B x C x 3 int64: agreeing, predicted, there.

    Raises:
        ValueError: if a label of a counted voxel is not in 0 .. C - 1.
    """
    counted = torch.ones_like(ref, dtype=torch.bool)
    if ignore_index is not None:
        counted = ref != ignore_index
    for labels, name in ((pred, "pred"), (ref, "ref")):
        if ((labels < 0) | (labels >= num_classes))[counted].any():
            raise ValueError(f"{name} has labels outside 0 .. {num_classes - 1}.")
    images = [[p[c & (p == r)], p[c], r[c]] for p, r, c in zip(pred, ref, counted, strict=True)]
    return torch.stack(
        [
            torch.stack([torch.bincount(labels, minlength=num_classes) for labels in image], dim=1)
            for image in images
        ]
    )


def class_indices(batch: Tensor, num_classes: int, name: str) -> Tensor:
    """Label maps as class indices.

    Args:
        batch: B x 1 x ... class indices, or B x C x ... one-hot or probabilities (C = num_classes).
        num_classes: C.
        name: what an error calls it.

    Returns:
        B x ... int64.

    Raises:
        ValueError: if the number of channels is neither 1 nor C.
    """
    if batch.ndim < 3 or batch.shape[1] not in (1, num_classes):
        raise ValueError(
            f"{name} must be B x 1 x ... class indices or B x {num_classes} x ... one-hot, "
            f"got shape {tuple(batch.shape)}."
        )
    batch = plain(batch)
    return batch[:, 0].long() if batch.shape[1] == 1 else batch.float().argmax(dim=1)


class _ClassCountsMetric(CumulativeIterationMetric):
    """Collects `class_counts` (buffer N x C x 3); subclasses say what is made of them."""

    def __init__(self, num_classes: int, ignore_index: int | None = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        y = check_pair(y_pred, y)
        pred = class_indices(y_pred, self.num_classes, "y_pred")
        ref = class_indices(y, self.num_classes, "y")
        return class_counts(pred, ref, self.num_classes, self.ignore_index)

    def _counts(self) -> Tensor:
        counts = self.get_buffer()
        if counts is None:
            raise ValueError(f"{type(self).__name__} has seen no sample yet; call it first.")
        return counts


class MeanIoUMetric(_ClassCountsMetric):
    """`mean_iou` over everything seen, as a MONAI metric.

    `y_pred` and `y` are B x 1 x H x W [x D] class indices or B x C x ... one-hot or probabilities,
    on any device.

    Args:
        num_classes: C.
        ignore_index: label of `y` whose voxels are not counted, or None.
    """

    def aggregate(self) -> Tensor:
        """The mean IoU, a scalar tensor."""
        return mean_iou(self._counts())


class PixelAccuracyMetric(_ClassCountsMetric):
    """`pixel_accuracy` over everything seen, as a MONAI metric.

    `y_pred` and `y` are B x 1 x H x W [x D] class indices or B x C x ... one-hot or probabilities,
    on any device.

    Args:
        num_classes: C.
        ignore_index: label of `y` whose voxels are not counted, or None.
    """

    def aggregate(self) -> Tensor:
        """The pixel accuracy, a scalar tensor."""
        return pixel_accuracy(self._counts())
