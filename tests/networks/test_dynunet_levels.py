"""The levels of a DynUNet against nnU-Net's published plans, and on any patch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets import DynUNet

from medabl.networks import dynunet_levels


@pytest.mark.parametrize(
    ("patch", "spacing", "pooled"),
    [
        # num_pool_per_axis of plans that users showed: issues 148 (hippocampus), 113 (lung) and 856
        # (liver) of MIC-DKFZ/nnUNet. All their kernels are three voxels wide.
        ((40, 56, 40), (1.0, 1.0, 1.0), (3, 3, 3)),
        ((80, 160, 160), (1.24497998, 0.78515625, 0.78515625), (4, 5, 5)),
        ((128, 128, 128), (2.473119, 1.89831205, 1.89831205), (5, 5, 5)),
    ],
)
def test_axes_are_halved_as_often_as_nnunet_does(patch, spacing, pooled):
    levels = dynunet_levels(patch, spacing)
    halvings = [sum(stride[axis] == 2 for stride in levels["strides"]) for axis in range(3)]
    assert tuple(halvings) == pooled
    assert all(kernel == [3, 3, 3] for kernel in levels["kernel_size"])


def test_thick_slices_are_kept_apart_until_the_voxels_are_nearly_cubes():
    """Of 3.6 mm against 0.62: the pixels have to be halved twice."""
    levels = dynunet_levels((16, 320, 256), (3.6, 0.62, 0.62))
    assert levels["strides"][:4] == [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2]]
    assert levels["kernel_size"][:4] == [[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]]


@settings(max_examples=15, deadline=None)
@given(
    patch=st.tuples(*[st.integers(16, 40).map(lambda n: n - n % 4)] * 2, st.integers(1, 20)),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3),
)
def test_a_network_of_these_levels_takes_the_patch(patch, spacing):
    try:
        levels = dynunet_levels(patch, spacing, width=2)
    except ValueError:
        return
    network = DynUNet(3, 1, 2, **levels, deep_supervision=True)
    outputs = network(torch.zeros(2, 1, *patch))
    assert outputs.shape == (2, len(levels["strides"]) - 1, 2, *patch)


def test_a_patch_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=r"too small .*\(8, 8, 8\)"):
        dynunet_levels((8, 8, 8))
