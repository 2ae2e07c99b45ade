import doctest
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from medabl.geometry import signed_distance
from tests.devices import DEVICES


def signed_by_the_equation(onehot, spacing=None):
    """Image by image and class by class from the definition, with SciPy's distances."""
    result = np.zeros(onehot.shape)
    for index in np.ndindex(onehot.shape[:2]):
        inside = onehot[index]
        if inside.any() and not inside.all():
            outer = ndimage.distance_transform_edt(~inside, spacing)
            inner = ndimage.distance_transform_edt(inside, spacing)
            result[index] = np.where(inside, -(inner - 1), outer)
    return result


@st.composite
def labels_and_spacings(draw):
    axes = draw(st.sampled_from([2, 3]))
    shape = (draw(st.integers(1, 2)), 1, *draw(st.tuples(*[st.integers(1, 8)] * axes)))
    labels = draw(arrays(np.int64, shape, elements=st.integers(0, 2), fill=st.integers(0, 2)))
    step = st.floats(0.01, 100)
    return labels, draw(st.none() | st.lists(step, min_size=axes, max_size=axes))


@given(labels_and_spacings())
@settings(max_examples=60, deadline=None)
def test_equals_the_equation(sample):
    labels, spacing = sample
    onehot = labels == np.arange(4).reshape(1, -1, *[1] * (labels.ndim - 2))
    expected = signed_by_the_equation(onehot, spacing)
    signed = signed_distance(torch.from_numpy(onehot), spacing)
    assert signed.dtype == torch.float32
    np.testing.assert_allclose(signed.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_hand_computed(device):
    onehot = torch.tensor([0, 0, 1, 1, 1, 1, 0], device=device).view(1, 1, 1, 7)
    assert signed_distance(onehot).flatten().tolist() == [2, 1, 0, -1, -1, 0, 1]
    # Kervadec's 1 stays 1 whatever the spacing.
    assert signed_distance(onehot, (1, 3)).flatten().tolist() == [6, 3, -2, -5, -5, -2, 3]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fill", [False, True])
def test_is_zero_where_a_class_is_absent_or_everywhere(fill, device):
    onehot = torch.full((2, 1, 5, 6), fill, device=device)
    onehot[1, 0, 2, 2] = not fill
    signed = signed_distance(onehot)
    assert torch.equal(signed[0], torch.zeros_like(signed[0]))
    assert signed[1].any()


def test_numbers_other_than_zero_are_true():
    onehot = torch.tensor([0, 1, 1, 0, 0]).view(1, 1, 5, 1)
    assert torch.equal(signed_distance(onehot.float()), signed_distance(onehot.bool()))


def test_refuses_wrong_shapes_and_spacings():
    with pytest.raises(ValueError, match="it has 3 axes"):
        signed_distance(torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match="spacing must have 2 numbers"):
        signed_distance(torch.zeros(1, 1, 4, 4), (1, 1, 1))


def test_refuses_what_is_no_tensor():
    with pytest.raises(TypeError, match=r"must be a torch\.Tensor"):
        signed_distance(np.zeros((1, 1, 4, 4)))


@pytest.mark.parametrize("device", DEVICES)
def test_compiles_without_graph_break(device):
    onehot = torch.from_numpy(np.random.default_rng(0).random((2, 2, 9, 8)) < 0.3).to(device)
    compiled = torch.compile(signed_distance, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(onehot), signed_distance(onehot))


def test_docstring_example_runs():
    results = doctest.testmod(sys.modules[signed_distance.__module__])
    assert results.attempted > 0
    assert results.failed == 0
