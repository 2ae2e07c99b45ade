import numpy as np
import pytest
import torch
from scipy import ndimage

from medabl.geometry import region_wise_map


def by_the_equation(inside, spacing=None):
    if inside.all():
        return -np.ones(inside.shape)
    depth = ndimage.distance_transform_edt(inside, spacing)
    return np.where(inside, -depth / max(depth.max(), 1e-9), 1.0)


@pytest.mark.parametrize(
    ("spatial", "spacing"), [((9, 11), None), ((9, 11), (0.5, 2.0)), ((5, 6, 7), None)]
)
def test_equals_the_equation(spatial, spacing):
    onehot = torch.rand((2, 3, *spatial), generator=torch.Generator().manual_seed(0)) < 0.7
    onehot[0, 0], onehot[0, 1] = True, False
    values = region_wise_map(onehot, spacing)
    assert values.dtype == torch.float32
    for image, expected in zip(values.flatten(0, 1), onehot.flatten(0, 1).numpy(), strict=True):
        np.testing.assert_allclose(image.numpy(), by_the_equation(expected, spacing), rtol=1e-5)


def test_ignored_voxels_bound_nothing():
    onehot = torch.tensor([1, 1, 1, 1, 0, 0]).view(1, 1, 1, 6)
    valid = torch.tensor([0, 1, 1, 1, 1, 1]).view(1, 1, 1, 6).bool()
    expected = torch.tensor([0, -1, -2 / 3, -1 / 3, 1, 1]).view(1, 1, 1, 6)
    torch.testing.assert_close(region_wise_map(onehot, valid=valid), expected)
