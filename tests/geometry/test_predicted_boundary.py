import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special

from medabl.geometry.divergence import forward_divergence
from medabl.geometry.predicted_boundaries import (
    boundary_seeds,
    dilate,
    image_threshold,
    predicted_boundary,
    released_threshold,
)


def slow_divergence(logits, sum_axes=False):
    """With SciPy's entropy functions, for one image C x H x W [x D]."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    log_p = special.log_softmax(logits, axis=0)
    score = np.zeros(logits.shape[1:])
    for axis in range(score.ndim):
        here = np.moveaxis(log_p, axis + 1, 1)[:, :-1]
        ahead = np.moveaxis(log_p, axis + 1, 1)[:, 1:]
        value = (np.exp(here) * (here - ahead)).sum(0)
        part = np.moveaxis(score, axis, 0)[:-1]
        part[...] = part + value if sum_axes else np.maximum(part, value)
    return score


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("sum_axes", [False, True])
@pytest.mark.parametrize(
    "shape", [(2, 1, 300, 700), (2, 3, 300, 401), (1, 4, 9, 8, 7), (1, 1, 1, 1)]
)
def test_divergence_of_images_larger_than_a_slab(shape, sum_axes, static):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    score = forward_divergence(logits, sum_axes=sum_axes, static=static)
    expected = np.stack([slow_divergence(image, sum_axes) for image in logits.numpy()])
    np.testing.assert_allclose(score.numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [10.0, 1e3, 1e5])
def test_divergence_of_confident_logits_in_float32(scale, channels):
    logits = torch.randn(1, channels, 40, 40, generator=torch.Generator().manual_seed(0)) * scale
    score = forward_divergence(logits, static=False)[0]
    expected = slow_divergence(logits[0].double().numpy())
    np.testing.assert_allclose(score.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_pairs_that_are_not_valid_do_not_count():
    logits = torch.randn(1, 2, 6, 7, generator=torch.Generator().manual_seed(0))
    valid = torch.ones(1, 6, 7, dtype=torch.bool)
    valid[0, 3, 3] = False
    changed = logits.clone()
    changed[0, :, 3, 3] = torch.tensor([50.0, -50.0])
    score = forward_divergence(changed, valid, static=False)
    torch.testing.assert_close(score, forward_divergence(logits, valid, static=False))
    assert score[0, 3, 3] == 0


SCORES = st.lists(st.sampled_from([0.0, 1e-6, 0.1, 0.2, 0.5, 3.0]), min_size=12, max_size=12)


@settings(max_examples=50, deadline=None)
@given(SCORES, st.floats(0.01, 1.0), st.booleans())
def test_no_smaller_threshold_keeps_to_the_share(values, ratio, static):
    score = torch.tensor(values).view(1, 3, 4)
    threshold = image_threshold(score, ratio, static=static)
    share = max(1, ratio * 12)
    assert threshold >= 1e-5
    assert int((score > threshold).sum()) <= share
    if threshold > 1e-5:
        assert int((score >= threshold).sum()) > share - 1e-9


@settings(max_examples=100, deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=3), st.floats(0.01, 1.0), st.booleans())
def test_seeds_are_the_largest_scores_and_never_none_nor_too_many(rows, ratio, static):
    score = torch.tensor(rows).view(-1, 3, 4)
    seeds = boundary_seeds(score, ratio, static=static)
    for values, passed in zip(score.flatten(1).tolist(), seeds.flatten(1).tolist(), strict=True):
        taken = [v for v, p in zip(values, passed, strict=True) if p]
        left = [v for v, p in zip(values, passed, strict=True) if not p]
        assert len(taken) <= max(1, ratio * 12)
        assert (len(taken) > 0) == (max(values) > 1e-5)
        assert not taken or not left or min(taken) >= max(left)


@pytest.mark.parametrize("static", [False, True])
def test_equal_scores_leave_an_evenly_spread_boundary(static):
    score = torch.zeros(2, 40, 10)
    score[0, :, 4] = 7  # a perfect step: 40 equal voxels, of which 20 are allowed
    score[1, 0, 0] = 1
    seeds = boundary_seeds(score, 0.05, static=static)
    assert seeds[0].nonzero().tolist() == [[row, 4] for row in range(0, 40, 2)]
    assert seeds[1].nonzero().tolist() == [[0, 0]]
    assert dilate(seeds)[0, :, 3:6].all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 1.0), st.floats(-4, 3), st.booleans())
def test_released_threshold_is_that_of_the_loop(seed, ratio, exponent, static):
    generator = torch.Generator().manual_seed(seed)
    score = torch.rand(2, 5, 6, generator=generator) * 10**exponent
    threshold = 1e-5
    while int((score > threshold).sum()) > 30 * ratio:
        threshold *= 1.2
    assert released_threshold(score, ratio, static=static).item() == pytest.approx(
        threshold, rel=1e-6
    )


@pytest.mark.parametrize("shape", [(2, 9, 8), (2, 5, 6, 7), (1, 1, 1)])
def test_dilates_as_scipy(shape):
    seeds = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.1
    expected = [
        ndimage.binary_dilation(image, np.ones([3] * image.ndim)) for image in seeds.numpy()
    ]
    np.testing.assert_array_equal(dilate(seeds).numpy(), np.stack(expected))


def test_predicted_boundary_follows_the_step():
    logits = torch.full((1, 1, 40, 40), -4.0)
    logits[..., 20:] = 4
    boundary = predicted_boundary(logits, max_boundary_ratio=0.05)
    columns = boundary[0].all(0).nonzero()[:, 0].tolist()
    assert columns == [18, 19, 20]
    assert boundary.sum() == 3 * 40


def test_constant_prediction_has_no_boundary():
    assert not predicted_boundary(torch.full((1, 3, 20, 20), 7.0), 0.5).any()
