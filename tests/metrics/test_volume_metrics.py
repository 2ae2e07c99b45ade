import math

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_volumes import blobs, rotation
from monai.data.meta_tensor import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from monai.metrics import (
    compute_average_surface_distance,
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from slow_metrics import brute_force_distances, surface_points, to_sitk

from medabl.metrics import (
    VolumeDiceMetric,
    VolumeMetric,
    WMHChallengeMetric,
    volume_metrics,
    wmh_challenge_metrics,
)

SPACINGS = [(1.0, 1.0, 3.0), (0.9, 1.3, 2.2)]


def monai(pred, ref, spacing):
    p, r = (torch.tensor(m)[None, None].float() for m in (pred, ref))
    both = {"y_pred": p, "y": r, "include_background": True, "spacing": spacing}
    return {
        "dsc": compute_dice(p, r).item(),
        "hd": compute_hausdorff_distance(**both).item(),
        "hd95": compute_hausdorff_distance(**both, percentile=95).item(),
        "asd": compute_average_surface_distance(**both).item(),
        "assd": compute_average_surface_distance(**both, symmetric=True).item(),
        "surface_dice_1mm": compute_surface_dice(**both, class_thresholds=[1.0]).item(),
        "surface_dice_3mm": compute_surface_dice(**both, class_thresholds=[3.0]).item(),
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spacing", SPACINGS)
def test_as_monai(seed, spacing):
    pred, ref = blobs(seed)
    assert volume_metrics(pred, ref, spacing) == pytest.approx(
        monai(pred, ref, spacing), rel=1e-5, abs=1e-6
    )


def test_slices_of_two_axes_as_monai():
    pred, ref = (m[:, :, 3] for m in blobs(9))
    assert volume_metrics(pred, ref, (0.5, 2.0)) == pytest.approx(
        monai(pred, ref, (0.5, 2.0)), rel=1e-5, abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
    density=st.sampled_from([0.05, 0.3, 0.8, 1.0]),
    spacing=st.tuples(*[st.floats(0.3, 4)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_brute_force(shape, density, spacing, seed):
    pred, ref = np.random.default_rng(seed).random((2, *shape)) < density
    pred.flat[0] = ref.flat[-1] = True
    there, back = (surface_points(m, spacing) for m in (pred, ref))
    there, back = brute_force_distances(there, back), brute_force_distances(back, there)
    every = np.concatenate([there, back])
    ours = volume_metrics(pred, ref, spacing)
    assert ours == pytest.approx(
        {
            "dsc": 2 * (pred & ref).sum() / (pred.sum() + ref.sum()),
            "hd": every.max(),
            "hd95": max(np.percentile(there, 95), np.percentile(back, 95)),
            "asd": there.mean(),
            "assd": every.mean(),
            "surface_dice_1mm": (every <= 1 + 1e-6).mean(),
            "surface_dice_3mm": (every <= 3 + 1e-6).mean(),
        },
        rel=1e-9,
        abs=1e-9,
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spacing", SPACINGS)
def test_hausdorff_of_separate_surfaces_as_simpleitk(seed, spacing):
    """ITK measures between all voxels: the same where neither mask has an inside."""
    rng = np.random.default_rng(seed)
    pred, ref = np.zeros((2, 21, 21, 9), bool)
    pred[::2, ::2, ::2] = rng.random((11, 11, 5)) < 0.05
    ref[::2, ::2, ::2] = rng.random((11, 11, 5)) < 0.05
    itk = sitk.HausdorffDistanceImageFilter()
    itk.Execute(*[to_sitk(m.astype(np.uint8), spacing, rotation(seed)) for m in (pred, ref)])
    assert volume_metrics(pred, ref, spacing)["hd"] == pytest.approx(
        itk.GetHausdorffDistance(), rel=1e-5
    )


def test_every_empty_combination_by_hand():
    nan = math.nan
    nothing, lesion = np.zeros((2, 3, 3, 3), np.uint8)
    lesion[1, 1, 1] = 1

    def one(pred, ref):
        return tuple(volume_metrics(pred, ref, (1, 1, 3)).values())

    assert one(nothing, nothing) == pytest.approx((nan,) * 7, nan_ok=True)
    for pair in ((nothing, lesion), (lesion, nothing)):
        assert one(*pair) == pytest.approx((0, nan, nan, nan, nan, 0, 0), nan_ok=True)
    assert one(lesion, lesion) == (1, 0, 0, 0, 0, 1, 1)
    assert one(2 * lesion, lesion) == pytest.approx((0, nan, nan, nan, nan, 0, 0), nan_ok=True)


def test_masks_of_0_and_255_are_refused():
    pred, ref = (m.astype(np.uint8) * 255 for m in blobs(0))
    with pytest.raises(ValueError, match="values from 0 to 255; expected are the labels 0, 1, 2"):
        volume_metrics(pred, ref, (1, 1, 3))


def test_tolerances_are_millimetres_and_inclusive():
    pred, ref = np.zeros((2, 1, 1, 6), bool)
    pred[..., 0] = ref[..., 1] = True
    assert volume_metrics(pred, ref, (1, 1, 3))["surface_dice_3mm"] == 1
    assert volume_metrics(pred, ref, (1, 1, 3))["surface_dice_1mm"] == 0
    assert volume_metrics(pred, ref, (1, 1, 1))["surface_dice_1mm"] == 1


@pytest.mark.parametrize("size", [0.6, np.float32(0.6), 0.3, 0.1 + 0.2])
def test_rounding_does_not_decide_what_is_within_tolerance(size):
    apart = round(3 / size)
    for first in range(5):
        pred, ref = np.zeros((2, 1, 1, apart + 5), bool)
        pred[..., first] = ref[..., first + apart] = True
        metrics = volume_metrics(pred, ref, (1, 1, float(size)))
        assert metrics["surface_dice_3mm"] == 1
        assert metrics["surface_dice_1mm"] == 0


def test_as_monai_metric():
    pairs = [blobs(seed) for seed in (1, 2)]
    want = [volume_metrics(*pair, (1, 1, 3)) for pair in pairs]
    y_pred, y = (torch.tensor(np.stack(masks))[:, None] for masks in zip(*pairs, strict=True))
    metric = VolumeMetric(spacing=(1, 1, 3))
    metric(y_pred, torch.cat([~y, y], dim=1).float())
    np.testing.assert_allclose(metric.get_buffer(), [list(w.values()) for w in want])
    assert metric.aggregate() == pytest.approx({k: (want[0][k] + want[1][k]) / 2 for k in want[0]})

    from_header = VolumeMetric("assd")
    from_header(y_pred, MetaTensor(y, affine=torch.diag(torch.tensor([1.0, 1, 3, 1]))))
    assert from_header.aggregate().item() == pytest.approx((want[0]["assd"] + want[1]["assd"]) / 2)


def test_as_monai_metric_on_slices():
    pred, ref = (torch.tensor(m[:, :, 3])[None, None] for m in blobs(9))
    metric = VolumeMetric("hd", spacing=(0.5, 2.0))
    metric(pred, ref)
    want = volume_metrics(pred[0, 0], ref[0, 0], (0.5, 2.0))["hd"]
    assert metric.aggregate().item() == pytest.approx(want)


def test_metric_of_several_classes_has_names_for_each():
    (pred_a, ref_a), (pred_b, ref_b) = blobs(0), blobs(1)
    labels = [torch.tensor(a + 2 * (b & ~a)) for a, b in ((pred_a, pred_b), (ref_a, ref_b))]
    want = {
        f"{metric}_class{c}": volume_metrics(*(m == c for m in labels), (1, 1, 3))[metric]
        for c in (1, 2)
        for metric in ("dsc", "hd95")
    }
    one_hot = [torch.stack([m == c for c in range(3)])[None].float() for m in labels]
    for batch in ([m[None, None] for m in labels], one_hot):
        metric = VolumeMetric(["dsc", "hd95"], spacing=(1, 1, 3), classes=(1, 2))
        metric(*batch)
        assert metric.aggregate() == pytest.approx(want)
    one = VolumeMetric("hd95", spacing=(1, 1, 3), classes=(2,))
    one(*one_hot)
    assert one.aggregate().item() == pytest.approx(want["hd95_class2"])


def test_all_metrics_in_one_evaluator_keep_their_own_values():
    """The challenge's DSC masks label 2 of the reference, the surface metrics' does not."""
    pred, ref = (torch.tensor(m)[None, None].long() for m in blobs(3))
    ref[pred.logical_and(ref == 0)] = 2
    metrics = {
        "surface": VolumeMetric(spacing=(1, 1, 3)),
        "classes": VolumeMetric(spacing=(1, 1, 3), classes=(1, 2)),
        "challenge": WMHChallengeMetric(spacing=(1, 1, 3)),
        "volume_dice": VolumeDiceMetric(),
    }
    handlers = {
        name: IgniteMetricHandler(metric, output_transform=from_engine(["pred", "label"]))
        for name, metric in metrics.items()
    }
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=[{"image": pred.float(), "label": ref}],
        network=torch.nn.Identity(),
        key_val_metric={"key": handlers.pop("volume_dice")},
        additional_metrics=handlers,
        decollate=False,
    )
    evaluator.run()
    names = ["key", *handlers]
    names += [name for metric in metrics.values() for name in metric.names]
    assert len(set(names)) == len(names)
    challenge = wmh_challenge_metrics(pred[0, 0], ref[0, 0], (1, 1, 3))
    surface = volume_metrics(pred[0, 0], ref[0, 0], (1, 1, 3))
    found = evaluator.state.metrics
    assert challenge["dsc"] != surface["dsc"]
    assert found["dsc"] == found["dsc_class1"] == found["key"] == surface["dsc"]
    assert found["challenge_dsc"] == challenge["dsc"]
    assert found["challenge_h95"] == challenge["h95"]
