import doctest
import sys

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, MetaTensor
from monai.transforms import Compose, EnsureChannelFirstd, Flipd
from scipy import ndimage

from medabl.transforms import SignedDistanceMapd


def labels_2d():
    return np.random.default_rng(0).integers(0, 3, (1, 9, 12))


def labels_3d():
    return np.random.default_rng(0).integers(0, 3, (1, 5, 7, 6))


def signed_by_the_equation(labels, classes, spacing=None):
    maps = []
    for number in range(classes):
        inside = labels[0] == number
        if inside.all() or not inside.any():
            maps.append(np.zeros(inside.shape))
            continue
        outer = ndimage.distance_transform_edt(~inside, spacing)
        inner = ndimage.distance_transform_edt(inside, spacing)
        maps.append(np.where(inside, 1 - inner, outer))
    return np.stack(maps)


@pytest.mark.parametrize("labels", [labels_2d(), labels_3d()], ids=["2D", "3D"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize(
    "kind", [np.asarray, torch.from_numpy, MetaTensor], ids=lambda k: k.__name__
)
def test_equals_the_equation(labels, dtype, kind):
    sample = {"label": kind(labels.astype(dtype))}
    signed = SignedDistanceMapd(num_classes=4)(sample)["signed_distance"]
    assert isinstance(signed, torch.Tensor)
    assert isinstance(signed, MetaTensor) == (kind is MetaTensor)
    assert signed.dtype == torch.float32
    expected = signed_by_the_equation(labels, 4)
    np.testing.assert_allclose(signed.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert list(sample) == ["label"]


def test_spacing():
    signed = SignedDistanceMapd(num_classes=3, spacing=(3.0, 0.5))({"label": labels_2d()})
    expected = signed_by_the_equation(labels_2d(), 3, (3.0, 0.5))
    np.testing.assert_allclose(signed["signed_distance"].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_ignored_voxels_bound_no_class_and_have_no_distance():
    labels = np.array([[[0, 0, 255, 1, 1, 0, 255]]])
    transform = SignedDistanceMapd(num_classes=2, ignore_index=255)
    signed = transform({"label": labels})["signed_distance"][:, 0]
    # Of background: 1s are 2 (past the ignored voxel) and 1 away from a 0.
    assert signed[0].tolist() == [-2, -1, 0, 2, 1, 0, 0]
    assert signed[1].tolist() == [3, 2, 0, -1, 0, 1, 0]
    assert torch.equal(
        transform({"label": labels[..., 3:5]})["signed_distance"], torch.zeros(2, 1, 2)
    )


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2)])
def test_map_of_flipped_labels_is_the_flipped_map(axes):
    transform = SignedDistanceMapd(num_classes=3, spacing=(3.0, 0.5))
    expected = transform({"label": labels_2d()})["signed_distance"].flip(axes)
    flipped = transform({"label": np.flip(labels_2d(), axes)})["signed_distance"]
    torch.testing.assert_close(flipped, expected)


def test_one_class_everywhere_is_zero():
    signed = SignedDistanceMapd()({"label": torch.ones(1, 4, 5)})["signed_distance"]
    assert torch.equal(signed, torch.zeros(2, 4, 5))


def test_keeps_the_label_s_meta_data():
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    label = MetaTensor(torch.from_numpy(labels_3d()), affine=affine)
    signed = SignedDistanceMapd(num_classes=3)({"label": label})["signed_distance"]
    assert torch.equal(signed.affine, affine)


def test_inside_compose_with_a_flip_of_both():
    labels = labels_2d()
    pipeline = Compose(
        [
            EnsureChannelFirstd("label", channel_dim="no_channel"),
            SignedDistanceMapd("label", num_classes=3),
            Flipd(["label", "signed_distance"], spatial_axis=0),
        ]
    )
    sample = pipeline({"label": labels[0]})
    np.testing.assert_array_equal(np.asarray(sample["label"]), labels[:, ::-1])
    expected = signed_by_the_equation(labels, 3)[:, ::-1]
    np.testing.assert_allclose(sample["signed_distance"].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_several_keys_some_missing():
    transform = SignedDistanceMapd(["a", "b"], 3, ["to_a", "to_b"], allow_missing_keys=True)
    sample = transform({"b": labels_2d()})
    assert set(sample) == {"b", "to_b"}
    with pytest.raises(KeyError, match="a"):
        SignedDistanceMapd(["a", "b"], 3, ["to_a", "to_b"])({"b": labels_2d()})


@pytest.mark.parametrize("stranger", [2, 255, -1])
def test_refuses_labels_that_are_no_class(stranger):
    labels = torch.zeros(1, 4, 5, dtype=torch.int64)
    labels[0, 2, 3] = stranger
    with pytest.raises(ValueError, match="'label' holds labels other than 0 to 1"):
        SignedDistanceMapd(num_classes=2)({"label": labels})


def test_refuses_fractions():
    with pytest.raises(ValueError, match="labels other than"):
        SignedDistanceMapd()({"label": torch.tensor([[[0.0, 0.5, 1.0]]])})


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="'label' must be 1 x H x W"):
        SignedDistanceMapd()({"label": torch.zeros(2, 4, 5)})


def test_cached_sample_equals_a_fresh_one():
    data = [{"label": torch.from_numpy(labels_2d())}]
    transform = SignedDistanceMapd(num_classes=3)
    cached = CacheDataset(data, transform, progress=False)[0]
    assert torch.equal(cached["signed_distance"], transform(data[0])["signed_distance"])


def test_docstring_example_runs():
    results = doctest.testmod(sys.modules[SignedDistanceMapd.__module__])
    assert results.attempted > 0
    assert results.failed == 0
