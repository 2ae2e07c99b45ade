import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_volumes import blobs, rotation
from monai.data import list_data_collate
from monai.data.meta_tensor import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine
from slow_metrics import challenge

from medabl.metrics import WMHChallengeMetric, lesion_table, wmh_challenge_metrics
from tests.devices import DEVICES


def check(pred, ref, spacing, direction=None):
    ours = wmh_challenge_metrics(pred, ref, spacing)
    theirs = challenge(pred, ref, spacing, direction)
    assert list(ours) == ["dsc", "h95", "avd", "recall", "f1"]
    assert ours == pytest.approx(theirs, abs=1e-6, rel=0, nan_ok=True)
    return ours


def with_other_pathology(ref, seed):
    """Labels 0, 1 and, in some of the slices' corners, 2."""
    labels = ref.astype(np.float32)
    other = np.random.default_rng(seed).random(ref.shape) < 0.05
    labels[other] = 2
    labels[:5, :5, 1:3] = 2
    return labels


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1, 1, 3), (0.958, 0.9, 3.0), (1.2, 0.977, 0.6)])
def test_lesions_as_simpleitk_with_oblique_directions(seed, spacing):
    pred, ref = blobs(seed)
    labels = with_other_pathology(ref, seed)
    ours = check(pred.astype(np.float32), labels, spacing, rotation(seed))
    assert 0 < ours["dsc"] < 1 and ours["recall"] > 0 and ours["h95"] > 0


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4)),
    density=st.sampled_from([0.02, 0.3, 0.9, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise_up_to_the_edge_of_the_image(shape, density, seed):
    rng = np.random.default_rng(seed)
    pred = (rng.random(shape) < density) * rng.choice([0.3, 0.5, 1.0], shape)
    ref = (rng.random(shape) < density) * rng.choice([1.0, 2.0], shape, p=[0.8, 0.2])
    check(pred, ref, (0.7, 1.1, 2.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64, bool])
def test_one_result_whatever_the_labels_are_stored_as(dtype):
    pred, ref = blobs(3)
    labels = with_other_pathology(ref, 3)
    want = challenge(pred, labels, (1, 1, 3))
    ours = wmh_challenge_metrics(pred.astype(dtype), labels, (1, 1, 3))
    assert ours == pytest.approx(want, abs=1e-6)
    as_integers = wmh_challenge_metrics(pred.astype(dtype), labels.astype(np.uint8), (1, 1, 3))
    assert as_integers == ours
    as_tensors = wmh_challenge_metrics(
        torch.tensor(pred.astype(dtype)), torch.tensor(labels), [1, 1, 3]
    )
    assert as_tensors == ours
    halved = wmh_challenge_metrics(torch.tensor(pred).bfloat16(), torch.tensor(labels), (1, 1, 3))
    assert halved == ours


def test_memory_order_does_not_matter():
    pred, ref = blobs(4)
    fortran = wmh_challenge_metrics(np.asfortranarray(pred), np.asfortranarray(ref), (1, 1, 3))
    assert fortran == wmh_challenge_metrics(pred, ref, (1, 1, 3))


def line(*values):
    """One row of voxels in the middle of an otherwise empty slice."""
    volume = np.zeros((len(values) + 2, 3, 1))
    volume[1:-1, 1, 0] = values
    return volume


def test_every_empty_combination_by_hand():
    nan = math.nan
    nothing, lesion = line(0, 0, 0), line(0, 1, 0)

    def one(pred, ref):
        return tuple(wmh_challenge_metrics(pred, ref, (1, 1, 3)).values())

    assert one(nothing, nothing) == pytest.approx((nan, nan, nan, 1, 1), nan_ok=True)
    assert one(lesion, nothing) == pytest.approx((0, nan, nan, 1, 0), nan_ok=True)
    assert one(nothing, lesion) == pytest.approx((0, nan, 100, 0, 0), nan_ok=True)
    assert one(lesion, lesion) == (1, 0, 0, 1, 1)
    # Label 2 leaves nothing of the prediction, or of the reference.
    assert one(lesion, 2 * lesion) == pytest.approx((nan, nan, nan, 1, 1), nan_ok=True)
    # A mask without any background in its slices has no boundary there.
    full = np.ones((4, 4, 2))
    assert one(full, full) == pytest.approx((1, nan, 0, 1, 1), nan_ok=True)


def test_numbers_by_hand():
    ref = line(1, 1, 0, 0, 0, 0, 1, 0)
    pred = line(0, 1, 1, 0, 0.5, 0, 0.49, 0)
    # Distances: predicted 0, 1 and (0.5 counts) 2 to the lesion at 6; back 1, 0 and 2.
    ours = wmh_challenge_metrics(pred, ref, (2.0, 1, 3))
    assert ours["dsc"] == pytest.approx(2 / 6)
    assert ours["avd"] == 0
    assert ours["recall"] == 0.5
    assert ours["f1"] == pytest.approx(0.5)
    assert ours["h95"] == pytest.approx(2 * 1.9)


def test_diagonal_neighbours_are_one_lesion():
    ref = np.zeros((4, 4, 4))
    ref[0, 0, 0] = ref[1, 1, 1] = ref[3, 3, 3] = 1
    pred = np.zeros_like(ref)
    pred[0, 0, 0] = 1
    assert wmh_challenge_metrics(pred, ref, (1, 1, 1))["recall"] == 0.5


def test_wrong_input_is_named():
    good = np.zeros((3, 3, 3))
    with pytest.raises(ValueError, match=r"\(3, 3, 3\) and \(3, 3, 2\)"):
        wmh_challenge_metrics(good, good[..., :2], (1, 1, 1))
    with pytest.raises(ValueError, match="X x Y x Z"):
        wmh_challenge_metrics(good[0], good[0], (1, 1))
    for spacing in ((1, 1, 0), (1, 1), (1, 1, math.nan), (-1, 1, 1)):
        with pytest.raises(ValueError, match="spacing must be 3 positive numbers"):
            wmh_challenge_metrics(good, good, spacing)
    with pytest.raises(ValueError, match="ref holds NaN"):
        wmh_challenge_metrics(good, np.full_like(good, np.nan), (1, 1, 1))
    with pytest.raises(TypeError, match="pred must be"):
        wmh_challenge_metrics(good.astype(complex), good, (1, 1, 1))
    for metric in (wmh_challenge_metrics, lesion_table):
        with pytest.raises(ValueError, match="ref holds values from 0 to 255; expected are"):
            metric(good, np.array([0, 255, 0] * 9).reshape(3, 3, 3), (1, 1, 1))


@pytest.mark.parametrize("device", DEVICES)
def test_as_monai_metric(device):
    volumes = [blobs(seed) for seed in (5, 6, 7)]
    labels = [with_other_pathology(ref, 5) for _, ref in volumes]
    spacings = [(1, 1, 3), (0.9, 1.1, 2.5), (1, 2, 4)]
    want = [
        wmh_challenge_metrics(pred, ref, spacing)
        for (pred, _), ref, spacing in zip(volumes, labels, spacings, strict=True)
    ]
    y = [torch.tensor(ref)[None].to(device) for ref in labels]
    y_pred = [torch.tensor(np.stack([~pred, pred])).float().to(device) for pred, _ in volumes]

    every = WMHChallengeMetric()
    for p, r, spacing in zip(y_pred, y, spacings, strict=True):
        every(p[None], r[None], spacing=spacing)
    buffer = every.get_buffer()
    assert buffer.device.type == device
    np.testing.assert_allclose(buffer.cpu(), [list(row.values()) for row in want], atol=1e-12)
    assert every.aggregate() == pytest.approx(
        {f"challenge_{name}": np.mean([row[name] for row in want]) for name in want[0]}
    )

    # As MONAI's loaders hand them over: lists of MetaTensors, spacing in the affine.
    h95 = WMHChallengeMetric("h95")
    affines = [torch.block_diag(torch.tensor(rotation(1) * s), torch.ones(1)) for s in spacings]
    h95(y_pred, [MetaTensor(r, affine=a) for r, a in zip(y, affines, strict=True)])
    assert h95.aggregate().item() == pytest.approx(np.mean([row["h95"] for row in want]))
    h95.reset()
    items = [
        {"y_pred": MetaTensor(p), "y": MetaTensor(r, affine=a)}
        for p, r, a in zip(y_pred, y, affines, strict=True)
    ]
    batch = list_data_collate(items)
    values = h95(batch["y_pred"], batch["y"])
    assert type(values) is torch.Tensor
    assert values[:, 0].tolist() == pytest.approx([row["h95"] for row in want])
    one_hot = [torch.stack([r[0] == k for k in range(3)]).float() for r in y]
    fixed = WMHChallengeMetric("h95", spacing=spacings[0])
    fixed(y_pred[0][None], one_hot[0][None])
    assert fixed.aggregate().item() == pytest.approx(want[0]["h95"])


def test_monai_metric_counts_what_is_not_defined():
    metric = WMHChallengeMetric(["dsc", "h95"], spacing=(1, 1, 3))
    lesion = torch.tensor(line(0, 1, 0))[None, None]
    metric(torch.cat([lesion, lesion]), torch.cat([lesion, 0 * lesion]))
    assert metric.aggregate() == {"challenge_dsc": 0.5, "challenge_h95": 0.0}
    assert metric.count_nan() == {"challenge_dsc": 0, "challenge_h95": 1}
    metric.reset()
    metric(0 * lesion, 0 * lesion)
    assert all(math.isnan(v) for v in metric.aggregate().values())


def test_monai_metric_refuses_guessing():
    lesion = torch.ones(1, 1, 2, 2, 2)
    with pytest.raises(ValueError, match="spacing is missing"):
        WMHChallengeMetric()(lesion, lesion)
    with pytest.raises(ValueError, match="metrics must be among dsc, h95"):
        WMHChallengeMetric("hd95")


def test_all_five_in_a_monai_evaluator():
    """Ignite makes a metric of each entry of the dict."""
    volumes = [blobs(seed) for seed in (1, 2)]
    loader = [
        {"image": torch.tensor(pred)[None, None].float(), "label": torch.tensor(ref)[None, None]}
        for pred, ref in volumes
    ]
    output_transform = from_engine(["pred", "label"])
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=torch.nn.Identity(),
        key_val_metric={
            "key": IgniteMetricHandler(
                WMHChallengeMetric("f1", spacing=(1, 1, 3)), output_transform=output_transform
            )
        },
        additional_metrics={
            "challenge": IgniteMetricHandler(
                WMHChallengeMetric(spacing=(1, 1, 3)), output_transform=output_transform
            )
        },
        decollate=False,
    )
    evaluator.run()
    rows = [wmh_challenge_metrics(pred, ref, (1, 1, 3)) for pred, ref in volumes]
    means = {f"challenge_{name}": np.mean([row[name] for row in rows]) for name in rows[0]}
    found = evaluator.state.metrics
    assert found["challenge"] == pytest.approx(means)
    assert {name: found[name] for name in means} == pytest.approx(means)
    assert found["key"] == pytest.approx(means["challenge_f1"])
    assert evaluator.state.best_metric == pytest.approx(means["challenge_f1"])
