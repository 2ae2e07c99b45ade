import doctest
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from medabl.geometry import boundary_distance, label_boundary

LABELS = array_shapes(min_dims=2, max_dims=3, max_side=6).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3))
)


def slow_boundary(labels, ignore_index=None):
    boundary = np.zeros(labels.shape, dtype=bool)
    for index in np.ndindex(labels.shape):
        for axis in range(labels.ndim):
            ahead = tuple(i + (a == axis) for a, i in enumerate(index))
            if ahead[axis] == labels.shape[axis]:
                continue
            pair = {labels[index], labels[ahead]}
            boundary[index] |= len(pair) == 2 and ignore_index not in pair
    return boundary


@settings(max_examples=60, deadline=None)
@given(LABELS, st.sampled_from([None, 0, 3]))
def test_boundary_is_where_a_forward_neighbour_differs(labels, ignore_index):
    result = label_boundary(torch.from_numpy(labels)[None, None], ignore_index)
    assert result.dtype == torch.bool
    np.testing.assert_array_equal(result[0, 0].numpy(), slow_boundary(labels, ignore_index))


@settings(max_examples=40, deadline=None)
@given(LABELS, st.sampled_from([None, (0.5, 2.0, 3.0)]))
def test_distance_is_scipys_to_the_boundary(labels, spacing):
    spacing = None if spacing is None else spacing[: labels.ndim]
    boundary = slow_boundary(labels)
    result = boundary_distance(torch.from_numpy(labels)[None, None], spacing)[0, 0]
    if not boundary.any():
        assert result.isposinf().all()
        return
    expected = ndimage.distance_transform_edt(~boundary, spacing)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5)


def test_images_of_a_batch_do_not_touch():
    labels = torch.zeros(2, 1, 4, 4)
    labels[1] = 1
    assert not label_boundary(labels).any()


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (2, 3, 4, 4)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="labels must have the shape B x 1 x H x W"):
        label_boundary(torch.zeros(shape))


@pytest.mark.parametrize("function", [label_boundary, boundary_distance])
def test_docstring_example_runs(function):
    results = doctest.testmod(sys.modules[function.__module__])
    assert results.attempted > 0
    assert results.failed == 0
