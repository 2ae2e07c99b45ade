import itertools
import math

import numpy as np
import pytest
import torch
from lesion_volumes import blobs
from monai.data.meta_tensor import MetaTensor
from monai.metrics import DiceMetric
from torch.nn.functional import one_hot

from medabl.metrics import SliceDiceMetric, VolumeDiceMetric, slice_metrics, volume_metrics
from tests.devices import DEVICES


def label_maps(seed, shape, classes=5):
    """B x 1 x ... class indices in which every class is in every image."""
    maps = np.random.default_rng(seed).integers(0, classes, (2, *shape))
    maps.reshape(2, len(maps[0]), -1)[:, :, :classes] = np.arange(classes)
    return tuple(torch.tensor(m)[:, None] for m in maps)


def as_one_hot(labels, classes=5):
    return one_hot(labels[:, 0], classes).movedim(-1, 1).float()


def monai_dice(pred, ref, classes, ignore_empty):
    metric = DiceMetric(include_background=True, ignore_empty=ignore_empty)
    metric(as_one_hot(pred)[:, classes], as_one_hot(ref)[:, classes])
    return metric.aggregate().item()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("classes", [(1,), (1, 2, 3), (4, 2)])
def test_several_classes_of_volumes_as_monai(classes, device):
    pred, ref = label_maps(0, (3, 6, 7, 5))
    expected = monai_dice(pred, ref, classes, ignore_empty=True)
    for p, r in itertools.product((pred, pred.float(), as_one_hot(pred)), (ref, as_one_hot(ref))):
        metric = VolumeDiceMetric(classes)
        metric(p[:2].to(device), r[:2].to(device))
        metric([*p[2:].to(device)], [MetaTensor(one) for one in r[2:].to(device)])
        assert metric.get_buffer().shape == (3, 1) and metric.get_buffer().device.type == device
        assert metric.aggregate().item() == pytest.approx(expected)


@pytest.mark.parametrize("classes", [(1,), (1, 2, 3)])
def test_several_classes_of_slices_as_monai_where_empty_ones_count(classes):
    pred, ref = label_maps(1, (6, 9, 8))
    pred[2:4][pred[2:4] == 1] = 0
    ref[3:5][ref[3:5] == 1] = 0
    metric = SliceDiceMetric(classes)
    metric(pred, as_one_hot(ref))
    expected = monai_dice(pred, ref, classes, ignore_empty=False)
    assert metric.aggregate().item() == pytest.approx(expected)


def test_one_class_is_the_published_protocol_unless_others_are_asked_for():
    pred, ref = (torch.tensor(np.moveaxis(m, 2, 0))[:, None].long() for m in blobs(2))
    published, named = SliceDiceMetric(), SliceDiceMetric(classes=(1,))
    for metric in (published, named):
        metric(pred, ref)
    assert published.aggregate() == named.aggregate()
    other = SliceDiceMetric(classes=(3,))
    other(3 * pred, 3 * ref)
    assert other.aggregate() == published.aggregate()


@pytest.mark.parametrize("label", [1, 2])
def test_functions_cut_one_class_out_of_label_maps(label):
    first, second = blobs(0), blobs(1)
    pred, ref = (a + 2 * (b & ~a) for a, b in zip(first, second, strict=True))
    masks = pred == label, ref == label
    for cast in (np.uint8, np.float32, torch.tensor):
        p, r = (cast(m) for m in (pred, ref))
        assert volume_metrics(p, r, (1, 1, 3), label=label) == volume_metrics(*masks, (1, 1, 3))
        for key, values in slice_metrics(p, r, label=label).items():
            np.testing.assert_array_equal(values, slice_metrics(*masks)[key])


def test_volume_dice_is_the_dsc_of_volume_metrics():
    pairs = [blobs(seed) for seed in range(3)]
    pred, ref = (torch.tensor(np.stack(m))[:, None] for m in zip(*pairs, strict=True))
    metric = VolumeDiceMetric()
    metric(pred, ref)
    expected = np.mean([volume_metrics(p, r, (1, 1, 1))["dsc"] for p, r in pairs])
    assert metric.aggregate().item() == pytest.approx(expected)


def test_classes_that_neither_volume_has_are_left_out_but_false_alarms_count():
    ref = torch.tensor([[0, 1, 1, 0], [0, 1, 1, 2], [0, 0, 0, 0]]).view(3, 1, 2, 2, 1)
    pred = torch.tensor([[0, 1, 0, 2], [0, 1, 1, 2], [0, 0, 0, 0]]).view(3, 1, 2, 2, 1)
    metric = VolumeDiceMetric(classes=(1, 2, 3))
    values = metric(pred, ref)[:, 0].tolist()
    assert values == pytest.approx([(2 / 3 + 0) / 2, 1, math.nan], nan_ok=True)
    assert metric.aggregate().item() == pytest.approx((1 / 3 + 1) / 2)
    assert metric.count_nan() == {"volume_dsc": 1}


@pytest.mark.parametrize("classes", [(), (1, 1), (-1,)])
@pytest.mark.parametrize("metric", [SliceDiceMetric, VolumeDiceMetric])
def test_classes_that_make_no_sense_are_refused(metric, classes):
    with pytest.raises(ValueError, match="classes must be different whole numbers from 0 up"):
        metric(classes)


def test_a_class_without_a_channel_is_named():
    one_hot_batch = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"y_pred has channels 0 .. 2, of which none is class 3"):
        SliceDiceMetric((1, 3))(one_hot_batch, one_hot_batch)
