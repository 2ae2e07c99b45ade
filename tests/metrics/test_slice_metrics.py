import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from monai.data.meta_tensor import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import directed_hausdorff

from medabl.metrics import SliceDiceMetric, SliceHausdorffRowsMetric, slice_metrics
from tests.devices import DEVICES


def published_hd(pred, ref):
    """Rows of the background masks as points, through SciPy."""
    a, b = ~pred, ~ref
    return max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0])


def published_dsc(pred, ref):
    both = np.logical_and(pred, ref).sum()
    return (2 * both + 1e-8) / (pred.sum() + ref.sum() + 1e-8)


def check(pred, ref):
    ours = slice_metrics(pred, ref)
    pairs = list(zip(pred, ref, strict=True))
    np.testing.assert_allclose(ours["hd"], [published_hd(p, r) for p, r in pairs], rtol=1e-12)
    np.testing.assert_allclose(ours["dsc"], [published_dsc(p, r) for p, r in pairs], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9)),
    density=st.sampled_from([0.0, 0.03, 0.2, 0.6, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_slices_as_scipy(shape, density, seed):
    pred, ref = np.random.default_rng(seed).random((2, *shape)) < density
    check(pred, ref)


@settings(max_examples=40, deadline=None)
@given(masks=npst.arrays(bool, (2, 2, 4, 5)))
def test_any_masks_as_scipy(masks):
    check(*masks)


def test_real_sized_slices_as_scipy_in_more_than_one_chunk():
    rng = np.random.default_rng(3)
    smooth = gaussian_filter(rng.standard_normal((2, 70, 128, 96)), (0, 1, 4, 4))
    masks = smooth > 0.05
    masks[:, :, :20] = masks[:, :, :, 80:] = False
    masks[:, 5:9] = False
    masks[0, 20:25] = masks[1, 23:28] = False
    check(*masks)


def test_empty_slices_by_hand():
    empty, full, dot = np.zeros((3, 1, 3, 4), bool)
    full[:] = True
    dot[0, 1, 2] = True

    def one(pred, ref):
        result = slice_metrics(pred, ref)
        return result["dsc"][0], result["hd"][0]

    assert one(empty, empty) == (1, 0)
    assert one(full, full) == (1, 0)
    assert one(dot, empty) == (pytest.approx(1e-8), 1)
    assert one(empty, dot) == (pytest.approx(1e-8), 1)
    assert one(full, empty) == (pytest.approx(1e-8 / 12), 2)
    assert slice_metrics(empty[:0], empty[:0])["hd"].shape == (0,)


def test_label_two_is_background_and_probabilities_are_cut():
    ref = np.array([[[0, 1, 2, 1]]])
    want = {"dsc": 1, "hd": 0}
    for pred in (ref.astype(np.uint8), ref.astype(np.float32), np.array([[[0.49, 0.5, 0, 1]]])):
        got = slice_metrics(pred, ref)
        assert {k: v[0] for k, v in got.items()} == want


def test_tensors_and_wrong_input():
    pred = torch.zeros(2, 4, 4, dtype=torch.bool)
    assert slice_metrics(pred, pred)["dsc"].tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"\(2, 4, 4\) and \(2, 4, 5\)"):
        slice_metrics(pred, torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match="S x H x W"):
        slice_metrics(pred[0], pred[0])
    with pytest.raises(ValueError, match="pred holds NaN"):
        slice_metrics(torch.full((1, 2, 2), float("nan")), torch.zeros(1, 2, 2))
    with pytest.raises(TypeError, match="ref must be"):
        slice_metrics(pred, [[[0]]])


@pytest.mark.parametrize("device", DEVICES)
def test_monai_metrics_take_one_hot_and_labels(device):
    rng = np.random.default_rng(0)
    pred, ref = (torch.tensor(m) for m in rng.random((2, 6, 12, 9)) < 0.2)
    want = slice_metrics(pred, ref)
    one_hot = [torch.stack([~m, m], 1).float().to(device) for m in (pred, ref)]
    labels = [m[:, None].to(device) for m in (pred, ref)]
    for batch in (one_hot, labels, [one_hot[0], labels[1].float()], [list(m) for m in one_hot]):
        for metric, key in ((SliceDiceMetric(), "dsc"), (SliceHausdorffRowsMetric(), "hd")):
            metric(*[m[:4] for m in batch])
            metric(*[m[4:] for m in batch])
            buffer = metric.get_buffer()
            assert buffer.shape == (6, 1)
            assert buffer.device.type == device
            np.testing.assert_allclose(buffer[:, 0].cpu(), want[key], rtol=1e-12)
            assert metric.aggregate().item() == pytest.approx(want[key].mean(), rel=1e-12)
            metric.reset()
            assert metric.get_buffer() is None
            with pytest.raises(ValueError, match="has seen no sample"):
                metric.aggregate()


def test_in_a_monai_evaluator():
    rng = np.random.default_rng(1)
    pred, ref = (torch.tensor(m) for m in rng.random((2, 5, 1, 8, 8)) < 0.3)
    loader = [{"image": pred[i : i + 2].float(), "label": ref[i : i + 2]} for i in range(0, 5, 2)]

    def handler(metric):
        return IgniteMetricHandler(metric, output_transform=from_engine(["pred", "label"]))

    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=torch.nn.Identity(),
        key_val_metric={"slice_dsc": handler(SliceDiceMetric())},
        additional_metrics={"slice_hd_rows": handler(SliceHausdorffRowsMetric())},
        decollate=False,
    )
    evaluator.run()
    want = slice_metrics(pred[:, 0], ref[:, 0])
    assert evaluator.state.metrics["slice_dsc"] == pytest.approx(want["dsc"].mean())
    assert evaluator.state.metrics["slice_hd_rows"] == pytest.approx(want["hd"].mean())
    assert evaluator.state.metric_details["slice_dsc"].shape == (5, 1)


def test_monai_metrics_refuse_what_they_cannot_read():
    good = torch.zeros(2, 1, 4, 4)
    with pytest.raises(ValueError, match=r"\(2, 1, 4, 4\) and None"):
        SliceDiceMetric()(good)
    with pytest.raises(ValueError, match="one batch size and spatial shape"):
        SliceDiceMetric()(good, good[:1])
    with pytest.raises(ValueError, match="channel first"):
        SliceDiceMetric()(good[0], good[0])
    with pytest.raises(ValueError, match="B x C x H x W, channel first"):
        SliceDiceMetric()(good[..., None], good[..., None])


def test_metatensors_go_through():
    pred = MetaTensor(torch.ones(1, 1, 4, 4))
    metric = SliceDiceMetric()
    assert type(metric(pred, pred)) is torch.Tensor
    assert metric.aggregate().item() == 1
