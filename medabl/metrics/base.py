"""What medabl's MONAI metrics share: names, classes, spacing, means without NaN."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from medabl.metrics.batch import check_pair, class_masks, spacing_of
from medabl.metrics.labels import check_class_numbers

__all__ = ["BufferedMetric", "ClassMeanMetric", "NamedMetric", "SpacingMetric"]


class BufferedMetric(CumulativeIterationMetric):
    """A MONAI metric that says so when it is asked for a result before it has seen anything."""

    def _rows(self) -> Tensor:
        rows = self.get_buffer()
        if rows is None:
            raise ValueError(f"{type(self).__name__} has seen no sample yet; call it first.")
        return rows


class NamedMetric(BufferedMetric):
    """A MONAI metric with one or several named values for each sample.

    The buffer is N x (number of names), NaN where a value is not defined. `aggregate` leaves NaN
    out of the means; `count_nan` tells how many there were.

    Args:
        names: the values' names, the columns of the buffer.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def aggregate(self) -> Tensor | dict[str, float]:
        """Mean of each name over the samples where it is defined, NaN where it never is.

        Returns:
            a scalar tensor for one name; for several a dict, from which Ignite makes one metric
            for each name.

        Raises:
            ValueError: if there is no sample yet.
        """
        means = self._means()
        if len(self.names) == 1:
            return means[0]
        return dict(zip(self.names, means.tolist(), strict=True))

    def count_nan(self) -> dict[str, int]:
        """How many values of each name are not defined."""
        undefined = self._rows().isnan().reshape(-1, len(self.names)).sum(0)
        return dict(zip(self.names, undefined.tolist(), strict=True))

    def _means(self) -> Tensor:
        return self._rows().nanmean(dim=0)


class ClassMeanMetric(NamedMetric):
    """One number of each sample: the mean over the classes for which it is defined.

    Args:
        classes: the class indices that count; None stands for the lesion of a WMH mask (label or
            channel 1, label 2 being background).

    Raises:
        ValueError: if `classes` are not different whole numbers from 0 up.
    """

    _name: ClassVar[str]
    _spatial_dims: ClassVar[tuple[int, ...]]

    def __init__(self, classes: Sequence[int] | None = None) -> None:
        super().__init__([self._name])
        self.classes = None if classes is None else check_class_numbers(classes)

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        y = check_pair(y_pred, y, self._spatial_dims)
        pred, ref = class_masks(y_pred, self.classes, "y_pred"), class_masks(y, self.classes, "y")
        values = [self._of_masks(p, r) for p, r in zip(pred, ref, strict=True)]
        return torch.stack(values, dim=1).nanmean(dim=1, keepdim=True)

    @abstractmethod
    def _of_masks(self, pred: Tensor, ref: Tensor) -> Tensor:
        """The number of each sample (B, float64) for the masks (B x ..., bool) of one class."""


class SpacingMetric(NamedMetric):
    """Metrics of single volumes that need voxel sizes; computed on the CPU.

    Args:
        metrics: one of the metrics (`aggregate` gives a scalar, as a key metric must be), several,
            or None for all (`aggregate` gives a dict).
        spacing: voxel sizes in mm; None takes them from the call (``spacing=``) or from the affine
            of `y` as a `MetaTensor`.

    Raises:
        ValueError: if a metric is not known.
    """

    _known: ClassVar[tuple[str, ...]]
    # Two metrics of one evaluator must not write one name.
    _prefix: ClassVar[str] = ""

    def __init__(
        self, metrics: str | Sequence[str] | None = None, spacing: Sequence[float] | None = None
    ) -> None:
        chosen = self._known if metrics is None else metrics
        self.metrics = (chosen,) if isinstance(chosen, str) else tuple(chosen)
        if not self.metrics or not set(self.metrics) <= set(self._known):
            raise ValueError(f"metrics must be among {', '.join(self._known)}, got {metrics!r}.")
        super().__init__([self._prefix + metric for metric in self.metrics])
        self.spacing = spacing

    def _compute_tensor(
        self, y_pred: Tensor, y: Tensor | None = None, spacing: Sequence[float] | None = None
    ) -> Tensor:
        y = check_pair(y_pred, y)
        sizes = spacing_of(y, self.spacing if spacing is None else spacing)
        rows = self._batch_rows(y_pred, y, sizes)
        return torch.tensor(rows, dtype=torch.double, device=y_pred.device)

    @abstractmethod
    def _batch_rows(
        self, y_pred: Tensor, y: Tensor, spacings: Sequence[Sequence[float]]
    ) -> list[list[float]]:
        """The values of `names` for each sample."""
