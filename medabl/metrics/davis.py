"""Region similarity J and contour accuracy F of video object segmentation (DAVIS).

Source: Perazzi et al., CVPR 2016.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medabl.metrics.contours import class_contours, contour_f_scores
from medabl.metrics.labels import Volume
from medabl.metrics.masks import Mask, as_pair

__all__ = ["davis_metrics", "davis_statistics", "region_similarity"]

_BOUND = 0.008
_RECALL_ABOVE = 0.5


def davis_metrics(pred: Volume, ref: Volume) -> dict[str, npt.NDArray[np.float64]]:
    """J and F of every object in every frame, as the DAVIS benchmark computes them.

    - `j`: ``|P and R| / |P or R|``; 1 if both masks are empty.
    - `f`: F-score of the contours (as in `boundary_f_scores`) within 0.008 of the image's diagonal,
      rounded up to whole pixels; 1 if neither mask has a contour, 0 if only one has.

    Source: Perazzi et al., *A benchmark dataset and evaluation methodology for video object
    segmentation*, CVPR 2016, and the benchmark's evaluation code (semi-supervised).

    Args:
        pred: objects x frames x H x W masks of 0 and 1; array or tensor.
        ref: masks of the same shape.

    Returns:
        a dict with `j` and `f`, objects x frames each, for *all* frames: the benchmark counts
        neither the first, which is given, nor the last (`davis_statistics`).

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ or are not 4D, or a value is not 0 or 1.
    """
    p, r = _as_masks(pred, ref)
    j = region_similarity(p, r)
    tolerance = math.ceil(_BOUND * math.hypot(*r.shape[2:]))
    f = [
        [_contour_f(*frame, tolerance) for frame in zip(*o, strict=True)]
        for o in zip(p, r, strict=True)
    ]
    return {"j": j, "f": np.array(f, dtype=np.float64).reshape(j.shape)}


def region_similarity(pred: Volume, ref: Volume) -> npt.NDArray[np.float64]:
    """J of every object in every frame: the `j` of `davis_metrics`, which takes no contours.

    Args:
        pred: objects x frames x H x W masks of 0 and 1; array or tensor.
        ref: masks of the same shape.

    Returns:
        objects x frames.

    Raises:
        TypeError: if an argument is no numeric array or tensor.
        ValueError: if shapes differ or are not 4D, or a value is not 0 or 1.
    """
    p, r = _as_masks(pred, ref)
    either = (p | r).sum((2, 3))
    return np.where(either == 0, 1.0, (p & r).sum((2, 3)) / np.maximum(either, 1))


def davis_statistics(scores: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """Mean, recall and decay of the scores of each object, without the first and the last frame.

    - `mean`: over the frames.
    - `recall`: share of the frames with more than 0.5.
    - `decay`: mean of the first quarter of the frames less mean of the last; neighbouring quarters
      share a frame.

    J-mean and F-mean of a data set are the means of `mean` over all objects of all sequences.

    Source: as `davis_metrics`.

    Args:
        scores: objects x frames, the `j` or `f` of `davis_metrics`.

    Returns:
        a dict with `mean`, `recall`, `decay`, each of shape (objects,).

    Raises:
        ValueError: if there are fewer than three frames.
    """
    if scores.ndim != 2 or scores.shape[1] < 3:
        raise ValueError(f"scores must be objects x 3 or more frames, got shape {scores.shape}.")
    counted = scores[:, 1:-1]
    quarters = np.floor(np.linspace(1, counted.shape[1], 5) + 0.5).astype(int) - 1
    first, last = counted[:, : quarters[1] + 1], counted[:, quarters[3] :]
    return {
        "mean": counted.mean(1),
        "recall": (counted > _RECALL_ABOVE).mean(1),
        "decay": first.mean(1) - last.mean(1),
    }


def _as_masks(pred: Volume, ref: Volume) -> tuple[Mask, Mask]:
    pred, ref = as_pair(pred, ref)
    if ref.ndim != 4:
        raise ValueError(f"masks must be objects x frames x H x W, got shape {ref.shape}.")
    return _as_mask(pred, "pred"), _as_mask(ref, "ref")


def _as_mask(masks: npt.NDArray[Any], name: str) -> Mask:
    if not ((masks == 0) | (masks == 1)).all():
        raise ValueError(f"{name} must hold masks of 0 and 1, one for each object.")
    return masks == 1


def _contour_f(pred: Mask, ref: Mask, tolerance: int) -> float:
    # Outside the object is void: of the two classes' contours, which are the same, one is enough.
    p, r = (class_contours(torch.from_numpy(~mask).to(torch.uint8), 1) for mask in (pred, ref))
    return float(contour_f_scores(p, r, [tolerance]).nan_to_num(1.0))
