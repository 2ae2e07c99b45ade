"""What a threshold would turn into a wrong mask in silence is refused by every metric."""

import numpy as np
import pytest
import torch
from lesion_volumes import blobs

from medabl.metrics import (
    BoundaryFScoreMetric,
    MeanIoUMetric,
    PixelAccuracyMetric,
    SliceDiceMetric,
    SliceHausdorffRowsMetric,
    VolumeDiceMetric,
    VolumeMetric,
    WMHChallengeMetric,
    slice_metrics,
    volume_metrics,
)

METRICS = {
    "boundary_f": (lambda: BoundaryFScoreMetric(2), 2),
    "mean_iou": (lambda: MeanIoUMetric(2), 2),
    "pixel_accuracy": (lambda: PixelAccuracyMetric(2), 2),
    "slice_dice": (SliceDiceMetric, 2),
    "slice_dice_of_classes": (lambda: SliceDiceMetric((1, 2)), 2),
    "slice_hd_rows": (SliceHausdorffRowsMetric, 2),
    "volume_dice": (VolumeDiceMetric, 3),
    "volume_dice_of_classes": (lambda: VolumeDiceMetric((1, 2)), 3),
    "volume": (lambda: VolumeMetric(spacing=(1, 1, 1)), 3),
    "volume_of_classes": (lambda: VolumeMetric(spacing=(1, 1, 1), classes=(1, 2)), 3),
    "challenge": (lambda: WMHChallengeMetric(spacing=(1, 1, 1)), 3),
}


@pytest.fixture(params=METRICS)
def metric_and_masks(request):
    """A metric, and two disjoint masks B x 1 x ... that it takes."""
    make, dims = METRICS[request.param]
    masks = torch.zeros(2, 1, 1, *(8,) * dims, dtype=torch.uint8)
    masks[0, ..., 1:3, 1:3] = masks[1, ..., 5:7, 5:7] = 1
    make()(*masks)
    return make(), masks


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
@pytest.mark.parametrize("wrong", [(255, 255), (255, 1), (1, 255)])
def test_masks_of_0_and_255(metric_and_masks, wrong, dtype):
    metric, masks = metric_and_masks
    with pytest.raises(ValueError, match=r"values from 0 to 255|labels outside 0 .. 1"):
        metric(*(mask.to(dtype) * factor for mask, factor in zip(masks, wrong, strict=True)))


def test_one_hot_masks_of_0_and_255_and_logits(metric_and_masks):
    metric, masks = metric_and_masks
    # A metric of the classes 1 and 2 needs a third channel.
    others = [0 * masks[0]] * (getattr(metric, "classes", None) is not None)
    pred, ref = (torch.cat([1 - m, m, *others], dim=1).float() for m in masks)
    metric(pred, ref)
    with pytest.raises(ValueError, match=r"y_pred has . channels with values from 0 to 255"):
        metric(255 * pred, ref)
    with pytest.raises(ValueError, match="apply softmax or argmax to logits"):
        metric(8 * pred - 4, ref)
    with pytest.raises(ValueError, match=r"y has . channels with values from 0 to 255"):
        metric(pred, 255 * ref)


def test_nan(metric_and_masks):
    metric, (pred, ref) = metric_and_masks
    pred = pred.float()
    pred.view(-1)[7] = float("nan")
    with pytest.raises(ValueError, match=r"values from nan|not whole numbers"):
        metric(pred, ref)
    with pytest.raises(ValueError, match="2 channels with values from nan"):
        metric(torch.cat([1 - pred, pred], dim=1), ref)


def test_fractions_where_classes_are_asked_for():
    batch = torch.tensor([0, 1, 1.4, 2]).view(1, 1, 2, 2)
    for metric in (SliceDiceMetric((1, 2)), MeanIoUMetric(3)):
        with pytest.raises(ValueError, match=r"y_pred .*(whole numbers|class indices)"):
            metric(batch, batch.round())
    with pytest.raises(ValueError, match="expected are the whole numbers of classes"):
        volume_metrics(batch[0, 0], batch[0, 0].round(), (1, 1), label=2)


def test_labels_that_are_not_asked_for_are_background():
    pred, ref = (m.astype(np.uint8) for m in blobs(0))
    plain = volume_metrics(pred, ref, (1, 1, 3))
    free = np.argwhere((pred == 0) & (ref == 0))
    pred[tuple(free[0])], ref[tuple(free[-1])] = 13, 255
    assert volume_metrics(pred, ref, (1, 1, 3), label=1) == plain


def test_rounding_of_headers_and_resampling_is_no_error():
    pred, ref = (m.astype(np.float64) for m in blobs(0))
    moved = pred * (1 + 6e-8) - 1e-8
    assert volume_metrics(moved, ref, (1, 1, 3)) == volume_metrics(pred, ref, (1, 1, 3))
    assert volume_metrics(moved, 3 * ref * 0.9999, (1, 1, 3), label=1)["dsc"] == 0
    assert (
        volume_metrics(3 * moved, 3 * ref * 0.9999, (1, 1, 3), label=3)["dsc"]
        == volume_metrics(pred, ref, (1, 1, 3))["dsc"]
    )


def test_masks_of_one_or_four_axes():
    for shape in ((5,), (2, 3, 4, 5)):
        mask = np.ones(shape, np.uint8)
        with pytest.raises(ValueError, match="X x Y or X x Y x Z masks, got shape"):
            volume_metrics(mask, mask, (1.0,) * len(shape))
        batch = torch.ones(1, 1, *shape)
        for metric in (VolumeMetric(spacing=(1.0,) * len(shape)), VolumeDiceMetric()):
            with pytest.raises(ValueError, match="B x C x H x W or B x C x H x W x D, channel fir"):
                metric(batch, batch)


def test_a_label_of_a_boolean_mask():
    mask = np.ones((2, 3, 3), bool)
    assert slice_metrics(mask, mask, label=1)["dsc"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="pred is a boolean mask, which has no class 2"):
        slice_metrics(mask, mask, label=2)
    with pytest.raises(ValueError, match="whole numbers from 0 up"):
        slice_metrics(mask, mask, label=-1)
