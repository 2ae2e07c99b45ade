"""Boundary F-score: how well contours agree to within some pixels.

Source: Perazzi et al., CVPR 2016; for label maps Takikawa et al., ICCV 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from medabl.metrics.base import NamedMetric
from medabl.metrics.batch import check_pair, class_indices
from medabl.metrics.classes import counted_pixels
from medabl.metrics.contours import class_contours, contour_f_scores

__all__ = [
    "TOLERANCES_PIXELS",
    "BoundaryFScoreMetric",
    "boundary_f_scores",
    "class_boundary_f",
]

TOLERANCES_PIXELS = (1, 3, 5)
Variant: TypeAlias = Literal["published", "strict"]


def boundary_f_scores(
    pred: Tensor,
    ref: Tensor,
    num_classes: int,
    tolerances: Sequence[float] = TOLERANCES_PIXELS,
    ignore_index: int | None = None,
    variant: Variant = "published",
) -> Tensor:
    """F-score of every class's boundary at every tolerance.

    Precision is the share of the predicted boundary's pixels within the tolerance (Euclidean, in
    pixels) of the reference's boundary, recall the share of the reference's within it of the
    predicted one, F = 2 P R / (P + R). A pixel is on a class's boundary if membership in the class
    changes towards its lower, right or lower right neighbour. F is 0 if only one image has a
    boundary of the class.

    - ``variant="published"``, as Gated-SCNN and SegFix compute it: F is 1 if neither image has a
      boundary of the class, and ignored pixels belong to no class, so that both images have the
      same boundaries along them.
    - ``variant="strict"``: F is NaN if neither has one, and there is no boundary along ignored
      pixels. Rare classes and wide strips of void do not lift this score.

    Source: Perazzi et al., *A benchmark dataset and evaluation methodology for video object
    segmentation*, CVPR 2016; Takikawa et al., *Gated-SCNN*, ICCV 2019, and Yuan et al., *SegFix*,
    ECCV 2020, for label maps. The active boundary loss paper (Wang et al., AAAI 2022) reports 1, 3
    and 5 pixels.

    Args:
        pred: B x H x W class indices.
        ref: B x H x W class indices.
        num_classes: C.
        tolerances: T distances in pixels.
        ignore_index: label of `ref` whose pixels are ignored in both.
        variant: which of the two.

    Returns:
        B x C x T float64, on the device of `pred`.

    Raises:
        ValueError: if shapes differ or are not B x H x W, a label of a pixel that counts is not in
            0 .. C - 1, or the variant is not known.
    """
    if pred.ndim != 3 or pred.shape != ref.shape:
        raise ValueError(
            "pred and ref must both be B x H x W class indices, got shapes "
            f"{tuple(pred.shape)} and {tuple(ref.shape)}."
        )
    _check_variant(variant)
    void = ~counted_pixels(pred, ref, num_classes, ignore_index)
    strict = variant == "strict"
    scores = []
    # Image by image: what is in between has the size of all the classes' masks.
    for images in zip(pred, ref, void, strict=True):
        p, r = (
            class_contours(labels.masked_fill(images[2], num_classes), num_classes, not strict)
            for labels in images[:2]
        )
        scores.append(contour_f_scores(p, r, tolerances))
    of_images = torch.stack(scores)
    return of_images if strict else of_images.nan_to_num(1.0)


def class_boundary_f(scores: Tensor) -> Tensor:
    """Boundary F-score of each class, the mean over the images where it is defined.

    Args:
        scores: B x C x T of `boundary_f_scores`.

    Returns:
        C x T, NaN for a class without a boundary in any image; the mean over the classes that have
        one is what papers call *the* boundary F-score.
    """
    return scores.nanmean(dim=0)


class BoundaryFScoreMetric(NamedMetric):
    """`boundary_f_scores` as a MONAI metric: mean over images, then over classes.

    `y_pred` and `y` are B x 1 x H x W class indices or B x C x H x W one-hot or probabilities, on
    any device. The buffer is N x C x (number of tolerances), without class 0 if the background does
    not count; `class_boundary_f` makes the classes' scores of it.

    Args:
        num_classes: C.
        tolerances: pixels; for one `aggregate` gives a scalar, for several a dict with the keys
            ``boundary_f_1px`` ...
        include_background: whether class 0 counts.
        ignore_index: label of `y` whose pixels are ignored, or None.
        variant: ``"published"`` or ``"strict"``, whose keys are ``strict_boundary_f_1px`` ...

    Raises:
        ValueError: if the variant is not known; at call if shapes do not fit or a label that
            counts is not in 0 .. C - 1.
    """

    def __init__(
        self,
        num_classes: int,
        tolerances: Sequence[float] = TOLERANCES_PIXELS,
        include_background: bool = True,
        ignore_index: int | None = None,
        variant: Variant = "published",
    ) -> None:
        _check_variant(variant)
        prefix = "" if variant == "published" else f"{variant}_"
        super().__init__([f"{prefix}boundary_f_{tolerance:g}px" for tolerance in tolerances])
        self.num_classes = num_classes
        self.tolerances = tuple(tolerances)
        self.include_background = include_background
        self.ignore_index = ignore_index
        self.variant: Variant = variant

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        y = check_pair(y_pred, y, spatial_dims=(2,))
        scores = boundary_f_scores(
            class_indices(y_pred, self.num_classes, "y_pred"),
            class_indices(y, self.num_classes, "y"),
            self.num_classes,
            self.tolerances,
            self.ignore_index,
            self.variant,
        )
        return scores[:, 0 if self.include_background else 1 :]

    def _means(self) -> Tensor:
        return class_boundary_f(self._rows()).nanmean(dim=0)


def _check_variant(variant: str) -> None:
    if variant not in get_args(Variant):
        raise ValueError(f"variant must be 'published' or 'strict', got {variant!r}.")
