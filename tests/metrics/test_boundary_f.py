import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from slow_contours import slow_f

from medabl.metrics import BoundaryFScoreMetric, boundary_f_scores, class_boundary_f
from tests.devices import DEVICES


def slow_scores_without_void(pred, ref, num_classes, tolerances, ignore_index):
    return [
        [
            [slow_f(p == c, r == c, t, r == ignore_index, math.nan) for t in tolerances]
            for c in range(num_classes)
        ]
        for p, r in zip(pred, ref, strict=True)
    ]


def slow_scores(pred, ref, num_classes, tolerances):
    return [
        [[slow_f(p == c, r == c, t) for t in tolerances] for c in range(num_classes)]
        for p, r in zip(pred, ref, strict=True)
    ]


def label_maps(seed, batch=2, classes=4, size=(23, 31)):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, batch, classes, *size))
    noise[1] = noise[0] + 0.5 * noise[1]
    return gaussian_filter(noise, (0, 0, 0, 2, 2)).argmax(2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", range(3))
def test_as_dilation_with_a_disk(seed, device):
    pred, ref = label_maps(seed)
    ours = boundary_f_scores(*(torch.tensor(m, device=device) for m in (pred, ref)), num_classes=5)
    assert ours.shape == (2, 5, 3) and ours.device.type == device
    np.testing.assert_allclose(ours.cpu(), slow_scores(pred, ref, 5, (1, 3, 5)), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    tolerance=st.sampled_from([1, 1.5, 2, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise(shape, tolerance, seed):
    pred, ref = np.random.default_rng(seed).integers(0, 3, (2, 1, *shape))
    ours = boundary_f_scores(torch.tensor(pred), torch.tensor(ref), 3, (tolerance,))
    np.testing.assert_allclose(ours, slow_scores(pred, ref, 3, (tolerance,)), rtol=1e-12)


def test_ignored_pixels_belong_to_no_class():
    pred, ref = label_maps(8)
    ref[:, 5:9] = 255
    ours = boundary_f_scores(torch.tensor(pred), torch.tensor(ref), 4, ignore_index=255)
    pred[:, 5:9] = 255
    np.testing.assert_allclose(ours, slow_scores(pred, ref, 4, (1, 3, 5)), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    tolerance=st.sampled_from([1, 1.5, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_strict_variant_on_noise(shape, tolerance, seed):
    rng = np.random.default_rng(seed)
    pred, ref = rng.integers(0, 3, (2, 1, *shape))
    ref[rng.random(ref.shape) < 0.3] = 255
    ours = boundary_f_scores(
        torch.tensor(pred), torch.tensor(ref), 4, (tolerance,), ignore_index=255, variant="strict"
    )
    slow = slow_scores_without_void(pred, ref, 4, (tolerance,), 255)
    np.testing.assert_allclose(ours, slow, rtol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_strict_variant_of_label_maps(device):
    pred, ref = label_maps(11)
    ref[:, 5:9, 3:20] = ref[0, :, 28:] = 255
    p, r = (torch.tensor(m, device=device) for m in (pred, ref))
    ours = boundary_f_scores(p, r, 5, ignore_index=255, variant="strict")
    slow = slow_scores_without_void(pred, ref, 5, (1, 3, 5), 255)
    np.testing.assert_allclose(ours.cpu(), slow, rtol=1e-12)


def test_void_inside_both_lifts_the_published_score_but_not_the_strict_one():
    pred, ref = torch.zeros(2, 1, 40, 60, dtype=torch.long)
    ref[:, 2:38, 2:58] = 1
    pred[:, 12:28, 12:48] = 1
    ref[:, 18:22, 14:46] = 255
    published, strict = (
        boundary_f_scores(pred, ref, 2, (1,), ignore_index=255, variant=variant)[0, 1, 0]
        for variant in ("published", "strict")
    )
    # A rectangle of h x w pixels has a boundary of 2 (h + w); only that of the void is shared.
    assert published == pytest.approx(2 * 72 / ((184 + 72) + (104 + 72)))
    assert strict == 0


def test_images_without_a_class_are_left_out_of_the_strict_mean():
    pred, ref = torch.zeros(2, 3, 20, 20, dtype=torch.long)
    ref[0, 5:12, 5:12] = pred[0, 5:12, 9:16] = 1
    pred[1, 3:5, 3:5] = 1
    published = boundary_f_scores(pred, ref, 3, (1,))
    strict = boundary_f_scores(pred, ref, 3, (1,), variant="strict")
    first = published[0, 1, 0].item()
    assert 0 < first < 1
    assert class_boundary_f(published)[:, 0].tolist() == pytest.approx(
        [(first + 0 + 1) / 3, (first + 0 + 1) / 3, 1]
    )
    assert class_boundary_f(strict)[:, 0].tolist() == pytest.approx(
        [first / 2, first / 2, math.nan], nan_ok=True
    )
    metric = BoundaryFScoreMetric(3, (1,), variant="strict")
    for p, r in zip(pred, ref, strict=True):
        metric(p[None, None], r[None, None])
    assert metric.aggregate().item() == pytest.approx(first / 2)
    assert metric.count_nan() == {"strict_boundary_f_1px": 5}


def test_shifted_square_and_absent_classes_by_hand():
    pred, ref = torch.zeros(2, 1, 20, 20, dtype=torch.long)
    ref[:, 5:12, 5:12] = 1
    pred[:, 7:14, 5:12] = 1
    scores = boundary_f_scores(pred, ref, 3)[0]
    assert scores[0].tolist() == scores[1].tolist()
    # Moved by two pixels: within three everything fits.
    assert scores[1, 0] < 1 and scores[1, 1] == scores[1, 2] == 1
    assert scores[2].tolist() == [1, 1, 1]
    assert boundary_f_scores(pred, 0 * ref, 2)[0].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_as_monai_metric():
    pred, ref = (torch.tensor(m) for m in label_maps(4))
    scores = boundary_f_scores(pred, ref, 4)
    one_hot = torch.stack([pred == c for c in range(4)], dim=1).float()
    metric = BoundaryFScoreMetric(4)
    metric(one_hot, ref[:, None])
    np.testing.assert_array_equal(metric.get_buffer(), scores)
    means = scores.mean((0, 1)).tolist()
    assert metric.aggregate() == pytest.approx(
        dict(zip(["boundary_f_1px", "boundary_f_3px", "boundary_f_5px"], means, strict=True))
    )
    lesions = BoundaryFScoreMetric(4, tolerances=[3], include_background=False)
    lesions([*pred[:, None]], [*ref[:, None]])
    assert lesions.aggregate().item() == pytest.approx(scores[:, 1:, 1].mean().item())


def test_as_monai_metric_refuses_volumes_and_wrong_channels():
    metric = BoundaryFScoreMetric(3)
    with pytest.raises(ValueError, match="must be B x C x H x W, channel first"):
        metric(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
    with pytest.raises(ValueError, match=r"y_pred must be B x 1 x .* or B x 3 x"):
        metric(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4))


def test_labels_outside_the_classes_and_other_shapes_are_refused():
    good = torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match=r"pred has labels outside 0 .. 1"):
        boundary_f_scores(good + 2, good, 2)
    with pytest.raises(ValueError, match=r"B x H x W class indices, got shapes \(4, 4\)"):
        boundary_f_scores(good[0], good[0], 2)
    for wrong in (lambda: boundary_f_scores(good, good, 2, variant="fair"),
                  lambda: BoundaryFScoreMetric(2, variant="fair")):  # fmt: skip
        with pytest.raises(ValueError, match="variant must be 'published' or 'strict', got 'fair'"):
            wrong()
