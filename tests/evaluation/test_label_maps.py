"""The table of the metrics of a set of label maps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from medabl.evaluation.label_maps import LabelMapScores
from medabl.metrics import BoundaryFScoreMetric
from medabl.task import Task

TASK = Task(
    name="three",
    classes=["a", "b", "c", "never"],
    labels={0: "a", 1: "b", 2: "c", 3: "never", 4: "void"},
    ignored=["void"],
)


def images(count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        ref = rng.integers(0, 3, (5, 6)).repeat(6, 0).repeat(6, 1)
        pred = np.where(rng.random(ref.shape) < 0.1, rng.integers(0, 3, ref.shape), ref)
        ref[-4:] = 255
        pairs.append((pred, ref))
    return pairs


def scores_of(pairs: list[tuple[np.ndarray, np.ndarray]]) -> LabelMapScores:
    scores = LabelMapScores(TASK)
    for pred, ref in pairs:
        scores.add(torch.from_numpy(pred)[None], torch.from_numpy(ref)[None])
    return scores


def value(table: pd.DataFrame, metric: str, of: str = "all") -> float:
    (found,) = table[(table["metric"] == metric) & (table["class"] == of)]["value"]
    return float(found)


def test_iou_and_accuracy_are_pooled_over_the_pixels_that_count() -> None:
    pairs = images()
    table = scores_of(pairs).table()
    pred, ref = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    pred, ref = pred[ref != 255], ref[ref != 255]
    ious = [((pred == c) & (ref == c)).sum() / ((pred == c) | (ref == c)).sum() for c in range(3)]
    for name, iou in zip("abc", ious, strict=True):
        assert value(table, "iou", name) == iou
    assert np.isnan(value(table, "iou", "never"))
    np.testing.assert_allclose(value(table, "miou"), np.mean(ious), rtol=1e-12)
    assert value(table, "pixel_accuracy") == (pred == ref).mean()


def test_boundary_scores_are_those_of_the_metric_class_by_class() -> None:
    pairs = images()
    table = scores_of(pairs).table()
    for variant, prefix in (("published", ""), ("strict", "strict_")):
        metric = BoundaryFScoreMetric(4, ignore_index=255, variant=variant)  # type: ignore[arg-type]
        for pred, ref in pairs:
            metric(torch.from_numpy(pred)[None, None], torch.from_numpy(ref)[None, None])
        for name, mean in metric.aggregate().items():
            assert value(table, name) == float(mean)
            assert name.startswith(prefix)
    assert value(table, "boundary_f_3px", "never") == 1
    assert np.isnan(value(table, "strict_boundary_f_3px", "never"))
    by_class = [value(table, "boundary_f_1px", name) for name in TASK.classes]
    np.testing.assert_allclose(value(table, "boundary_f_1px"), np.mean(by_class), rtol=1e-12)


def test_a_right_prediction_scores_1_everywhere() -> None:
    table = scores_of([(np.where(ref == 255, 0, ref), ref) for _, ref in images()]).table()
    assert (table["value"].dropna() == 1).all()


def test_parts_that_were_collected_apart_make_the_same_table() -> None:
    pairs = images()
    scores = scores_of(pairs[:1])
    scores.merge([scores_of(pairs[1:])])
    pd.testing.assert_frame_equal(scores.table(), scores_of(pairs).table())
