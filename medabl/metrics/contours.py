"""Contours of label maps, and how far their pixels are from those of another label map."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from medabl.metrics.batch import count_foreground

__all__ = ["class_contours", "contour_f_scores"]


def class_contours(labels: Tensor, num_classes: int, along_void: bool = True) -> Tensor:
    """The contour of every class of one image.

    A pixel is on a class's contour if it belongs to the class and its right, lower or lower right
    neighbour does not, or the other way round (inside the image).

    Args:
        labels: H x W class indices; C stands for void, which is in no class.
        num_classes: C.
        along_void: whether there is a contour where a class meets void; if not, void pixels are on
            no contour and nobody's neighbour.

    Returns:
        C x H x W bool.
    """
    # Repeating the last row and column leaves no change towards what is beyond the image.
    beyond = torch.cat([labels, labels[-1:]])
    beyond = torch.cat([beyond, beyond[:, -1:]], dim=1)
    lower = beyond[1:]
    neighbors = [beyond[:-1, 1:], lower[:, :-1], lower[:, 1:]]
    if not along_void:
        neighbors = [torch.where(n == num_classes, labels, n) for n in neighbors]
    changes = torch.stack([labels != n for n in neighbors]).any(0)
    if not along_void:
        changes &= labels != num_classes
    # Few pixels see a change; only their classes, four at the most, are looked at.
    rows, columns = changes.nonzero(as_tuple=True)
    contours = labels.new_zeros((num_classes + 1, *labels.shape), dtype=torch.bool)
    for seen in (labels, *neighbors):
        contours[seen[rows, columns].long(), rows, columns] = True
    return contours[:-1]


def contour_f_scores(pred: Tensor, ref: Tensor, tolerances: Sequence[float]) -> Tensor:
    """F = 2 P R / (P + R) of contours at every tolerance.

    P is the share of the predicted contour's pixels within the tolerance of the reference's, R the
    share of the reference's within it of the predicted one.

    Args:
        pred: C x H x W bool, one contour for each class.
        ref: C x H x W bool.
        tolerances: T Euclidean distances in pixels.

    Returns:
        C x T float64; 0 where only one image has the contour, NaN where neither has.
    """
    n_p, n_r = (count_foreground(contour)[:, None] for contour in (pred, ref))
    precision = _count_near(pred, ref, tolerances) / n_p
    recall = _count_near(ref, pred, tolerances) / n_r
    scores = (2 * precision * recall / (precision + recall)).nan_to_num(0.0)
    return scores.masked_fill((n_p == 0) & (n_r == 0), math.nan)


def _count_near(contours: Tensor, others: Tensor, tolerances: Sequence[float]) -> Tensor:
    """How many pixels of each contour (C) lie within each tolerance (T) of the other; C x T."""
    reach = max(tolerances)
    radius = math.floor(reach)
    others = pad(others, (radius,) * 4)
    _, height, width = others.shape
    classes, rows, columns = contours.nonzero(as_tuple=True)
    pixels = (classes * height + rows + radius) * width + columns + radius
    others = others.flatten()
    squared = torch.full_like(pixels, math.floor(reach**2) + 1)
    # From near to far: most pixels are done with after the first few steps.
    pending = torch.arange(len(pixels), device=pixels.device)
    for distance, offsets in _disk(reach):
        near = torch.zeros_like(pending, dtype=torch.bool)
        for row, column in offsets:
            near |= others[pixels[pending] + (row * width + column)]
        squared[pending[near]] = distance
        pending = pending[~near]
        if not len(pending):
            break
    counts = [
        torch.bincount(classes[squared <= tolerance**2], minlength=len(contours))
        for tolerance in tolerances
    ]
    return torch.stack(counts, dim=1)


def _disk(reach: float) -> list[tuple[int, list[tuple[int, int]]]]:
    """The offsets within a distance, by their squared length, from near to far."""
    steps = range(-math.floor(reach), math.floor(reach) + 1)
    pairs = itertools.product(steps, repeat=2)
    offsets = sorted((y * y + x * x, y, x) for y, x in pairs if y * y + x * x <= reach**2)
    groups = itertools.groupby(offsets, key=lambda offset: offset[0])
    return [(distance, [(y, x) for _, y, x in group]) for distance, group in groups]
