import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_iou

from medabl.metrics import (
    MeanIoUMetric,
    PixelAccuracyMetric,
    class_counts,
    class_iou,
    mean_iou,
    pixel_accuracy,
)
from tests.devices import DEVICES


def slow_iou(pred, ref, num_classes):
    ious = []
    for c in range(num_classes):
        union = ((pred == c) | (ref == c)).sum()
        if union:
            ious.append(((pred == c) & (ref == c)).sum() / union)
    return np.mean(ious)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(3, 11, 7), (2, 5, 6, 4)])
def test_as_the_definition(shape, device):
    pred, ref = np.random.default_rng(0).integers(0, 4, (2, *shape))
    # Class 4 of 5 is nowhere, and takes no part in the mean.
    counts = class_counts(*(torch.tensor(m, device=device) for m in (pred, ref)), num_classes=5)
    assert counts.shape == (shape[0], 5, 3) and counts.device.type == device
    assert mean_iou(counts).item() == pytest.approx(slow_iou(pred, ref, 5))
    assert pixel_accuracy(counts).item() == pytest.approx((pred == ref).mean())


def test_one_image_as_monai():
    pred, ref = torch.tensor(np.random.default_rng(1).integers(0, 3, (2, 1, 9, 9)))
    one_hot = [torch.nn.functional.one_hot(m, 3).movedim(-1, 1).float() for m in (pred, ref)]
    assert mean_iou(class_counts(pred, ref, 3)).item() == pytest.approx(
        compute_iou(*one_hot).mean().item()
    )


def test_ignored_voxels_do_not_count():
    pred = torch.tensor([[[0, 1, 1, 7]]])
    ref = torch.tensor([[[0, 1, 0, 255]]])
    counts = class_counts(pred, ref, 2, ignore_index=255)
    assert counts.tolist() == [[[1, 1, 2], [1, 2, 1]]]
    assert pixel_accuracy(counts).item() == pytest.approx(2 / 3)
    assert mean_iou(counts).item() == pytest.approx(0.5)


def test_nothing_counted_is_nan():
    ref = torch.full((1, 2, 2), 9)
    counts = class_counts(torch.zeros_like(ref), ref, 2, ignore_index=9)
    assert math.isnan(mean_iou(counts)) and math.isnan(pixel_accuracy(counts))


def test_classes_are_pooled_over_the_set_before_the_ratio():
    rng = np.random.default_rng(5)
    pred, ref = rng.integers(0, 4, (2, 3, 9, 7))
    ref[:, :2] = 255
    # A large image of one class, in which the others are rare.
    ref[0, 2:] = 0
    ious = []
    for c in range(5):
        both = either = 0
        for p, r in zip(pred.flat, ref.flat, strict=True):
            if r != 255:
                both += p == r == c
                either += c in (p, r)
        ious.append(both / either if either else math.nan)
    counts = class_counts(torch.tensor(pred), torch.tensor(ref), 5, ignore_index=255)
    assert class_iou(counts).tolist() == pytest.approx(ious, nan_ok=True)
    assert mean_iou(counts).item() == pytest.approx(np.mean(ious[:4]))


def test_unknown_labels_are_refused():
    good, bad = torch.zeros(1, 2, 2, dtype=torch.long), torch.full((1, 2, 2), 2)
    with pytest.raises(ValueError, match=r"ref has labels outside 0 .. 1"):
        class_counts(good, bad, 2)
    with pytest.raises(ValueError, match=r"pred has labels outside 0 .. 1"):
        class_counts(-1 - good, good, 2)


def test_as_monai_metrics():
    pred, ref = torch.tensor(np.random.default_rng(2).integers(0, 3, (2, 4, 9, 9)))
    probabilities = torch.nn.functional.one_hot(pred, 3).movedim(-1, 1) * 0.6 + 0.1
    counts = class_counts(pred, ref, 3)
    for metric, value in (
        (MeanIoUMetric(3), mean_iou(counts)),
        (PixelAccuracyMetric(3), pixel_accuracy(counts)),
    ):
        metric(probabilities[:3], ref[:3, None])
        metric(probabilities[3:], ref[3:, None])
        assert torch.equal(metric.get_buffer(), counts)
        assert metric.aggregate().item() == pytest.approx(value.item())
        metric.reset()
        with pytest.raises(ValueError, match="has seen no sample"):
            metric.aggregate()
