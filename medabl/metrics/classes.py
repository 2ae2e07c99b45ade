"""IoU and pixel accuracy of label maps with several classes, pooled over a set of images.

Source: the evaluation protocols of Cityscapes (Cordts et al., CVPR 2016) and ADE20K (Zhou et al.,
CVPR 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor

from medabl.metrics.base import BufferedMetric
from medabl.metrics.batch import check_pair, class_indices

__all__ = [
    "MeanIoUMetric",
    "PixelAccuracyMetric",
    "class_counts",
    "class_iou",
    "counted_pixels",
    "mean_iou",
    "pixel_accuracy",
]


def class_iou(counts: Tensor) -> Tensor:
    """Intersection over union of each class, from `class_counts`.

    IoU_c = intersection_c / (predicted_c + reference_c - intersection_c), counts summed over all
    images first, as on Cityscapes and ADE20K.

    Args:
        counts: B x C x 3.

    Returns:
        one value for each class, shape (C,), float64; NaN for a class that is neither predicted
        nor in a reference.
    """
    intersection, predicted, reference = counts.sum(0).double().unbind(1)
    return intersection / (predicted + reference - intersection)


def mean_iou(counts: Tensor) -> Tensor:
    """Mean of `class_iou` over the classes that occur.

    Args:
        counts: B x C x 3.

    Returns:
        a scalar, NaN if no class occurs.
    """
    return class_iou(counts).nanmean()


def pixel_accuracy(counts: Tensor) -> Tensor:
    """Share of the counted voxels whose class is right, over all images, from `class_counts`.

    Args:
        counts: B x C x 3.

    Returns:
        a scalar, NaN if no voxel is counted.
    """
    intersection, _, reference = counts.sum((0, 1)).double()
    return intersection / reference


def class_counts(
    pred: Tensor, ref: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """How many voxels of each class are in both images, in the prediction, in the reference.

    Args:
        pred: class indices, B x H x W [x D].
        ref: class indices of the same shape; voxels of `ignore_index` are not counted at all.
        num_classes: C.
        ignore_index: a label of `ref`, or None.

    Returns:
        B x C x 3 int64: intersection, predicted, reference.

    Raises:
        ValueError: if a label of a counted voxel is not in 0 .. C - 1.
    """
    counted = counted_pixels(pred, ref, num_classes, ignore_index)
    counts = []
    for p, r, c in zip(pred, ref, counted, strict=True):
        pairs = num_classes * r[c].long() + p[c]
        confusion = torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)
        counts.append(torch.stack([confusion.diagonal(), confusion.sum(0), confusion.sum(1)], 1))
    return torch.stack(counts)


def counted_pixels(
    pred: Tensor, ref: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """The voxels that count, those whose reference is not `ignore_index`.

    Args:
        pred: B x ... class indices.
        ref: B x ... class indices.
        num_classes: C.
        ignore_index: a label of `ref`, or None.

    Returns:
        bool of the same shape.

    Raises:
        ValueError: if a label of a counted voxel is not in 0 .. C - 1.
    """
    counted = (
        torch.ones_like(ref, dtype=torch.bool) if ignore_index is None else ref != ignore_index
    )
    for labels, name in ((pred, "pred"), (ref, "ref")):
        if (((labels < 0) | (labels >= num_classes)) & counted).any():
            raise ValueError(f"{name} has labels outside 0 .. {num_classes - 1}.")
    return counted


class _ClassCountsMetric(BufferedMetric):
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


class MeanIoUMetric(_ClassCountsMetric):
    """`mean_iou` over everything seen, as a MONAI metric.

    `y_pred` and `y` are B x 1 x H x W [x D] class indices or B x C x ... one-hot or probabilities,
    on any device. Of the buffer (N x C x 3) `class_iou` makes the classes' IoU.

    Args:
        num_classes: C.
        ignore_index: label of `y` whose voxels are not counted, or None.

    Raises:
        ValueError: at call if shapes do not fit or a counted label is not in 0 .. C - 1.
    """

    def aggregate(self) -> Tensor:
        """The mean IoU, a scalar tensor."""
        return mean_iou(self._rows())


class PixelAccuracyMetric(_ClassCountsMetric):
    """`pixel_accuracy` over everything seen, as a MONAI metric.

    Input, arguments and errors as `MeanIoUMetric`.
    """

    def aggregate(self) -> Tensor:
        """The pixel accuracy, a scalar tensor."""
        return pixel_accuracy(self._rows())
