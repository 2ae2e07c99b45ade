"""Label maps with many classes evaluated over a set of images: IoU, accuracy, boundary F-score."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from medabl.metrics import boundary_f_scores, class_boundary_f, class_counts, class_iou
from medabl.metrics.boundary_f import TOLERANCES_PIXELS
from medabl.metrics.classes import pixel_accuracy
from medabl.task import Task

ALL = "all"
"""In the column ``class``: the mean over the classes, or what is of no single one."""


class LabelMapScores:
    """Collects images and makes one table of them.

    The rows are ``iou`` (by class) and ``miou``, ``pixel_accuracy``, and at 1, 3 and 5 pixels
    ``boundary_f_1px`` ... (as published) and ``strict_boundary_f_1px`` ..., by class and as the
    mean over the classes: `medabl.metrics` says what each is.

    Args:
        task: its classes, and whether some pixels are ignored.
    """

    def __init__(self, task: Task) -> None:
        self.classes = task.classes
        self.ignore_index = task.ignore_index
        self._counts: list[Tensor] = []
        self._published: list[Tensor] = []
        self._strict: list[Tensor] = []

    def add(self, pred: Tensor, ref: Tensor) -> None:
        """Add images.

        Args:
            pred: B x H x W channels.
            ref: B x H x W channels, on the same device.

        Raises:
            ValueError: if the shapes differ, or a label that counts is no channel.
        """
        classes, void = len(self.classes), self.ignore_index
        self._counts.append(class_counts(pred, ref, classes, void).cpu())
        scores = boundary_f_scores(pred, ref, classes, TOLERANCES_PIXELS, void).cpu()
        self._published.append(scores)
        strict = boundary_f_scores(pred, ref, classes, TOLERANCES_PIXELS, void, "strict").cpu()
        self._strict.append(strict)

    def merge(self, others: Sequence[LabelMapScores]) -> None:
        """Add what others have collected."""
        for other in others:
            self._counts += other._counts
            self._published += other._published
            self._strict += other._strict

    def table(self) -> pd.DataFrame:
        """All metrics: ``metric``, ``class`` (`ALL` for the mean over the classes), ``value``.

        NaN where a class occurs in no image; means leave such classes out.
        """
        counts = torch.cat(self._counts)
        rows = _rows("iou", "miou", class_iou(counts), self.classes)
        rows.append(("pixel_accuracy", ALL, float(pixel_accuracy(counts))))
        for prefix, scores in (("", self._published), ("strict_", self._strict)):
            by_class = class_boundary_f(torch.cat(scores))
            for tolerance, values in zip(TOLERANCES_PIXELS, by_class.T, strict=True):
                name = f"{prefix}boundary_f_{tolerance}px"
                rows += _rows(name, name, values, self.classes)
        return pd.DataFrame(rows, columns=["metric", "class", "value"])


def _rows(
    name: str, mean: str, values: Tensor, classes: Sequence[str]
) -> list[tuple[str, str, float]]:
    by_class = [(name, of, float(value)) for of, value in zip(classes, values, strict=True)]
    return [*by_class, (mean, ALL, float(values.nanmean()))]
