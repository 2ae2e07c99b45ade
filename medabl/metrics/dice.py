"""Dice of masks, and of the classes of whole volumes as a key metric."""

from __future__ import annotations

from torch import Tensor

from medabl.metrics.base import ClassMeanMetric
from medabl.metrics.batch import count_foreground

__all__ = ["VolumeDiceMetric", "dice_scores"]


def dice_scores(pred: Tensor, ref: Tensor, smooth: float = 0.0) -> Tensor:
    """Dice of each mask, (2 |P and R| + smooth) / (|P| + |R| + smooth).

    Args:
        pred: B x ... bool.
        ref: B x ... bool.
        smooth: what makes two empty masks agree; with 0 their Dice is NaN.

    Returns:
        B, float64, on the masks' device.
    """
    shared, p, r = (count_foreground(mask) for mask in (pred & ref, pred, ref))
    return (2 * shared + smooth) / (p + r + smooth)


class VolumeDiceMetric(ClassMeanMetric):
    """Dice of whole volumes as a MONAI metric: mean over classes, then over volumes.

    The `dsc` of `volume_metrics` without the surfaces, on any device and with no spacing. A class
    that neither volume has is left out of a volume's mean, a volume without any from the mean over
    volumes; a class that only the prediction has counts 0. (MONAI's `DiceMetric` leaves the latter
    out, too, or counts 1 for the former; where the reference has every class they are equal.)

    `y_pred` and `y` are B x 1 x H x W [x D] class indices or B x C x ... one-hot or probabilities
    (cut at 0.5); the buffer is N x 1.

    Args:
        classes: the class indices that count; None stands for the lesion of a WMH mask (label or
            channel 1, label 2 being background).

    Raises:
        ValueError: if `classes` are not different whole numbers from 0 up; at call if shapes or
            values do not fit.

    Example::

        metric = VolumeDiceMetric(classes=(1, 2, 3))
        metric(y_pred, y)
        metric.aggregate().item()
    """

    _name = "volume_dsc"
    _spatial_dims = (2, 3)

    def _of_masks(self, pred: Tensor, ref: Tensor) -> Tensor:
        return dice_scores(pred, ref)
