import doctest
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from medabl.geometry import distance_transform_cpu, distance_transform_edt
from medabl.geometry.distance_transform_torch import distance_transform_torch
from tests.devices import DEVICES


def scipy_edt(mask, spacing=None):
    """SciPy, image by image; inf where an image has no False voxel."""
    result = np.empty(mask.shape)
    for index in np.ndindex(mask.shape[:2]):
        full = mask[index].all()
        result[index] = np.inf if full else ndimage.distance_transform_edt(mask[index], spacing)
    return result


def assert_equals_scipy(transform, mask, spacing=None, device="cpu"):
    distance = transform(torch.from_numpy(mask).to(device), spacing)
    assert distance.dtype == torch.float32
    assert distance.device.type == device
    np.testing.assert_allclose(distance.cpu().numpy(), scipy_edt(mask, spacing), rtol=1e-5)


def torch_fallback(mask, spacing=None):
    return distance_transform_torch(mask, spacing or [1.0] * (mask.ndim - 2))


@contextmanager
def edt_missing():
    """As where the optional package is not installed."""
    installed, distance_transform_cpu.edt = distance_transform_cpu.edt, None
    try:
        yield
    finally:
        distance_transform_cpu.edt = installed


def without_edt(mask, spacing=None):
    with edt_missing():
        return distance_transform_edt(mask, spacing)


sides_2d = st.tuples(*[st.integers(1, 2)] * 2, *[st.integers(1, 24)] * 2)
sides_3d = st.tuples(*[st.integers(1, 2)] * 2, *[st.integers(1, 9)] * 3)


@st.composite
def masks_and_spacings(draw):
    shape = draw(st.one_of(sides_2d, sides_3d))
    mostly = draw(st.booleans())
    mask = draw(arrays(bool, shape, fill=st.just(mostly)))
    axes = len(shape) - 2
    step = st.floats(1e-3, 1e3)
    return mask, draw(st.none() | st.lists(step, min_size=axes, max_size=axes))


@given(masks_and_spacings())
@settings(max_examples=100, deadline=None)
def test_equals_scipy_on_random_masks(sample):
    assert_equals_scipy(distance_transform_edt, *sample)


@given(masks_and_spacings())
@settings(max_examples=100, deadline=None)
def test_without_the_edt_package_equals_scipy_on_random_masks(sample):
    assert_equals_scipy(without_edt, *sample)


@pytest.mark.skipif(distance_transform_cpu.edt is None, reason="edt is not installed")
@given(masks_and_spacings(), st.sampled_from([None, 0.7]))
@settings(max_examples=100, deadline=None)
def test_with_and_without_the_edt_package_is_the_same(sample, step):
    mask, spacing = torch.from_numpy(sample[0]), sample[1]
    assert torch.equal(distance_transform_edt(mask, step), without_edt(mask, step))
    # With steps that differ, squares are rounded to float32 on the way in one of them.
    expected = distance_transform_edt(mask, spacing)
    torch.testing.assert_close(without_edt(mask, spacing), expected, rtol=1e-6, atol=0)


@given(masks_and_spacings())
@settings(max_examples=100, deadline=None)
def test_torch_fallback_equals_scipy_on_random_masks(sample):
    assert_equals_scipy(torch_fallback, *sample)


def checkerboard(*shape):
    return np.indices(shape).sum(axis=0)[None, None] % 2 == 0


def single(shape, voxel, value):
    mask = np.full((1, 1, *shape), not value)
    mask[(0, 0, *voxel)] = value
    return mask


def noise(shape, density):
    return np.random.default_rng(0).random(shape) < density


ADVERSARIAL = {
    "empty": (np.zeros((2, 1, 5, 6), bool), None),
    "full": (np.ones((2, 1, 5, 6), bool), None),
    "full and empty and mixed": (
        np.stack([np.ones((5, 6)), np.zeros((5, 6)), np.eye(5, 6)]).astype(bool)[:, None],
        None,
    ),
    "one voxel False, in the corner": (single((31, 45), (30, 0), False), None),
    "one voxel False, in the middle": (single((12, 33), (7, 20), False), (3.0, 0.5)),
    "one voxel True": (single((12, 33), (11, 20), True), (3.0, 0.5)),
    "one voxel True, 3D": (single((7, 8, 9), (0, 4, 8), True), (0.9, 0.9, 3.0)),
    "checkerboard": (checkerboard(17, 30), (0.3, 0.7)),
    "checkerboard, 3D": (checkerboard(6, 7, 8), None),
    "1 x N": (single((1, 300), (0, 3), False), (2.0, 0.1)),
    "N x 1": (single((300, 1), (3, 0), False), (0.1, 2.0)),
    "1 x 1 True": (np.ones((1, 1, 1, 1), bool), None),
    "1 x 1 False": (np.zeros((1, 1, 1, 1), bool), None),
    "1 x 1 x N": (single((1, 1, 70), (0, 0, 69), False), (1.0, 2.0, 0.1)),
    "huge spacing ratio": (noise((1, 2, 40, 50), 0.98), (1e6, 1e-6)),
    "huge spacing ratio, the other way": (noise((1, 2, 40, 50), 0.98), (1e-6, 1e6)),
    "huge spacing ratios, 3D": (noise((1, 2, 20, 10, 15), 0.995), (1.0, 1e6, 1e-6)),
    "steps no float32 holds, long axis": (single((2, 1500), (1, 1499), False), (0.7, 0.1)),
    "sparse, not a power of two": (noise((2, 2, 129, 65), 0.999), (0.95, 1.2)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", ADVERSARIAL)
@pytest.mark.parametrize("transform", [distance_transform_edt, torch_fallback, without_edt])
def test_equals_scipy_on_adversarial_masks(transform, case, device):
    assert_equals_scipy(transform, *ADVERSARIAL[case], device=device)


@pytest.mark.parametrize("device", DEVICES)
def test_several_threads_equal_scipy(device):
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert_equals_scipy(
            distance_transform_edt, noise((1, 2, 301, 257), 0.9995), (1.0, 1.3), device
        )
        assert_equals_scipy(
            distance_transform_edt, noise((1, 1, 41, 37, 53), 0.9995), (0.9, 1.1, 3.0), device
        )
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("device", DEVICES)
def test_batch_is_the_concatenation_of_its_images(device):
    mask = torch.from_numpy(noise((3, 2, 20, 31), 0.97)).to(device)
    mask[1, 1] = True
    whole = distance_transform_edt(mask, (1.5, 0.4))
    for sample in range(3):
        for channel in range(2):
            index = (slice(sample, sample + 1), slice(channel, channel + 1))
            assert torch.equal(whole[index], distance_transform_edt(mask[index], (1.5, 0.4)))


def test_hand_computed():
    mask = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.bool)[None, None]
    expected = torch.tensor([[0, 3, 6], [4, 5, 52**0.5]])
    assert torch.allclose(distance_transform_edt(mask, (4.0, 3.0))[0, 0], expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.bfloat16])
def test_numbers_other_than_zero_are_true(dtype):
    mask = torch.from_numpy(noise((2, 1, 9, 8), 0.9))
    values = mask.to(dtype) * 3
    assert torch.equal(distance_transform_edt(values), distance_transform_edt(mask))


def test_small_fractions_are_true():
    assert distance_transform_edt(torch.tensor([[[[0.0, 0.25]]]])).tolist() == [[[[0, 1]]]]


@pytest.mark.parametrize("transform", [distance_transform_edt, torch_fallback])
def test_any_strides(transform):
    base = torch.from_numpy(noise((16, 12, 2, 3), 0.9))
    mask = base.permute(3, 2, 1, 0)[:, :, ::2]
    assert torch.equal(transform(mask), transform(mask.contiguous()))


def test_one_spacing_is_that_of_every_axis():
    mask = torch.from_numpy(noise((1, 1, 9, 8, 7), 0.9))
    assert torch.equal(distance_transform_edt(mask, 2), distance_transform_edt(mask, (2, 2, 2)))


def test_does_not_change_its_input():
    mask = torch.from_numpy(noise((1, 1, 9, 8), 0.9))
    before = mask.clone()
    distance_transform_edt(mask)
    assert torch.equal(mask, before)


@pytest.mark.parametrize("shape", [(0, 2, 4, 4), (2, 0, 4, 4), (1, 1, 0, 4)])
@pytest.mark.parametrize("transform", [distance_transform_edt, torch_fallback])
def test_nothing_in_nothing_out(transform, shape):
    assert transform(torch.zeros(shape, dtype=torch.bool)).shape == shape


@pytest.mark.parametrize(
    ("mask", "spacing", "error", "message"),
    [
        (np.zeros((1, 1, 4, 4), bool), None, TypeError, "mask must be a torch.Tensor"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.complex64), None, TypeError, "complex"),
        (torch.zeros(4, 4), None, ValueError, "it has 2 axes"),
        (torch.zeros(1, 1, 4, 4, 4, 4), None, ValueError, "it has 6 axes"),
        (torch.zeros(1, 1, 4, 4), (1.0, 1.0, 1.0), ValueError, "spacing must have 2 numbers"),
        (torch.zeros(1, 1, 4, 4, 4), (1.0,), ValueError, "spacing must have 3 numbers"),
        (torch.zeros(1, 1, 4, 4), (1.0, 0.0), ValueError, "positive and finite"),
        (torch.zeros(1, 1, 4, 4), -1, ValueError, "positive and finite"),
        (torch.zeros(1, 1, 4, 4), (1.0, -2.0), ValueError, "positive and finite"),
        (torch.zeros(1, 1, 4, 4), (1.0, float("nan")), ValueError, "positive and finite"),
        (torch.zeros(1, 1, 4, 4), (1.0, float("inf")), ValueError, "positive and finite"),
    ],
)
def test_refuses(mask, spacing, error, message):
    with pytest.raises(error, match=message):
        distance_transform_edt(mask, spacing)


def test_docstring_example_runs():
    results = doctest.testmod(sys.modules[distance_transform_edt.__module__])
    assert results.attempted > 0
    assert results.failed == 0
