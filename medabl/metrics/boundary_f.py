"""Boundary F-score: how well contours agree to within some pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from medabl.geometry import distance_transform_edt
from medabl.metrics.classes import class_indices
from medabl.metrics.cumulative import NamedMetric, check_pair

TOLERANCES_PIXELS = (1, 3, 5)


def boundary_f_scores(
    pred: Tensor,
    ref: Tensor,
    num_classes: int,
    tolerances: Sequence[float] = TOLERANCES_PIXELS,
    ignore_index: int | None = None,
) -> Tensor:
    """F-score of every class's boundary at every tolerance.

    Precision is the share of the predicted boundary's pixels within the tolerance (Euclidean, in
    pixels) of the reference's boundary, recall the share of the reference's within it of the
    predicted one, F = 2 P R / (P + R). A pixel is on a class's boundary if membership in the class
    changes towards its lower, right or lower right neighbour. F is 1 if neither image has a
    boundary of the class, 0 if only one has. Ignored pixels belong to no class.

    Source: Perazzi et al., *A benchmark dataset and evaluation methodology for video object
    segmentation*, CVPR 2016, as the active boundary loss paper uses it for 1, 3 and 5 pixels.

    Args:
        pred: B x H x W class indices.
        ref: B x H x W class indices.
        num_classes: C.
        tolerances: T distances in pixels.
        ignore_index: label of `ref` whose pixels are ignored in both.

    Returns:
        B x C x T float64, on the device of `pred`.
    """
    classes = torch.arange(num_classes, device=ref.device)[:, None, None]
    members = [labels[:, None] == classes for labels in (pred, ref)]
    if ignore_index is not None:
        members = [m & (ref != ignore_index)[:, None] for m in members]
    p, r = (_contour(m) for m in members)
    # Distances to the contour serve all the tolerances.
    to_p, to_r = (distance_transform_edt(~contour) for contour in (p, r))
    n_p, n_r = p.sum((2, 3)).double(), r.sum((2, 3)).double()
    scores = []
    for tolerance in tolerances:
        precision = (p & (to_r <= tolerance)).sum((2, 3)) / n_p
        recall = (r & (to_p <= tolerance)).sum((2, 3)) / n_r
        scores.append((2 * precision * recall / (precision + recall)).nan_to_num(0.0))
    neither = ((n_p == 0) & (n_r == 0))[..., None]
    return torch.stack(scores, dim=-1).masked_fill(neither, 1.0)


class BoundaryFScoreMetric(NamedMetric):
    """`boundary_f_scores` as a MONAI metric, averaged over the classes of each image.

    `y_pred` and `y` are B x 1 x H x W class indices or B x C x H x W one-hot or probabilities, on
    any device. The buffer is N x (number of tolerances).

    Args:
        num_classes: C.
        tolerances: pixels; for one `aggregate` gives a scalar, for several a dict with the keys
            ``boundary_f_1px`` ...
        include_background: whether class 0 counts.
        ignore_index: label of `y` whose pixels are ignored, or None.
    """

    def __init__(
        self,
        num_classes: int,
        tolerances: Sequence[float] = TOLERANCES_PIXELS,
        include_background: bool = True,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__([f"boundary_f_{tolerance:g}px" for tolerance in tolerances])
        self.num_classes = num_classes
        self.tolerances = tuple(tolerances)
        self.include_background = include_background
        self.ignore_index = ignore_index

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None) -> Tensor:
        y = check_pair(y_pred, y)
        if y.ndim != 4:
            raise ValueError(f"y must be B x C x H x W, got shape {tuple(y.shape)}.")
        pred = class_indices(y_pred, self.num_classes, "y_pred")
        ref = class_indices(y, self.num_classes, "y")
        scores = boundary_f_scores(pred, ref, self.num_classes, self.tolerances, self.ignore_index)
        return scores[:, 0 if self.include_background else 1 :].mean(dim=1)


def _contour(mask: Tensor) -> Tensor:
    # Repeating the last row and column leaves no change towards what is beyond the image.
    beyond = pad(mask.float(), (0, 1, 0, 1), mode="replicate").bool()
    right, lower, diagonal = beyond[..., :-1, 1:], beyond[..., 1:, :-1], beyond[..., 1:, 1:]
    return (mask ^ right) | (mask ^ lower) | (mask ^ diagonal)
