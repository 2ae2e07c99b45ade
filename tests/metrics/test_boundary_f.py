import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, gaussian_filter

from medabl.metrics import BoundaryFScoreMetric, boundary_f_scores


def slow_contour(mask):
    contour = np.zeros_like(mask)
    for i, j in np.ndindex(mask.shape):
        for a, b in itertools.product((0, 1), repeat=2):
            if i + a < mask.shape[0] and j + b < mask.shape[1]:
                contour[i, j] |= mask[i, j] != mask[i + a, j + b]
    return contour


def slow_f(pred, ref, tolerance):
    """Contours dilated by a disk and intersected."""
    radius = math.floor(tolerance)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x**2 + y**2 <= tolerance**2
    p, r = slow_contour(pred), slow_contour(ref)
    if not p.any() and not r.any():
        return 1.0
    if not p.any() or not r.any():
        return 0.0
    precision = (p & binary_dilation(r, disk)).sum() / p.sum()
    recall = (r & binary_dilation(p, disk)).sum() / r.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


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


DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.cuda,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]


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
    np.testing.assert_allclose(metric.get_buffer(), scores.mean(1))
    means = scores.mean((0, 1)).tolist()
    assert metric.aggregate() == pytest.approx(
        dict(zip(["boundary_f_1px", "boundary_f_3px", "boundary_f_5px"], means, strict=True))
    )
    lesions = BoundaryFScoreMetric(4, tolerances=[3], include_background=False)
    lesions([*pred[:, None]], [*ref[:, None]])
    assert lesions.aggregate().item() == pytest.approx(scores[:, 1:, 1].mean().item())


def test_as_monai_metric_refuses_volumes_and_wrong_channels():
    metric = BoundaryFScoreMetric(3)
    with pytest.raises(ValueError, match="must be B x C x H x W"):
        metric(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
    with pytest.raises(ValueError, match=r"y_pred must be B x 1 x .* or B x 3 x"):
        metric(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4))
