import doctest
import pickle
import sys

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, MetaTensor, PersistentDataset
from monai.transforms import Compose, EnsureChannelFirstd, Flipd, RandScaleIntensityd
from scipy import ndimage

from medabl.transforms import BoundaryDistanceMapd


def labels_2d():
    return np.random.default_rng(0).integers(0, 3, (1, 9, 12)) // 2


def labels_3d():
    return np.random.default_rng(0).integers(0, 9, (1, 5, 7, 6)) // 8


def boundary_distance_by_loops(labels, spacing=None, ignored=()):
    """Of 1 x ... labels, voxel by voxel from the definition."""
    image = labels[0]
    boundary = np.zeros(image.shape, bool)
    for voxel in np.ndindex(image.shape):
        for axis in range(image.ndim):
            neighbour = tuple(v + (a == axis) for a, v in enumerate(voxel))
            if neighbour[axis] < image.shape[axis]:
                pair = image[voxel], image[neighbour]
                boundary[voxel] |= pair[0] != pair[1] and not set(pair) & set(ignored)
    return ndimage.distance_transform_edt(~boundary, spacing)[None]


@pytest.mark.parametrize("labels", [labels_2d(), labels_3d()], ids=["2D", "3D"])
@pytest.mark.parametrize(
    "kind", [np.asarray, torch.from_numpy, MetaTensor], ids=lambda k: k.__name__
)
def test_equals_the_definition(labels, kind):
    sample = {"label": kind(labels)}
    distance = BoundaryDistanceMapd()(sample)["boundary_distance"]
    assert isinstance(distance, torch.Tensor)
    assert isinstance(distance, MetaTensor) == (kind is MetaTensor)
    assert distance.dtype == torch.float32
    np.testing.assert_allclose(distance.numpy(), boundary_distance_by_loops(labels), rtol=1e-5)
    assert list(sample) == ["label"]


def test_spacing_and_ignored_label():
    labels = np.random.default_rng(0).integers(0, 3, (1, 9, 12))
    transform = BoundaryDistanceMapd(spacing=(3.0, 0.5), ignore_index=2)
    np.testing.assert_allclose(
        transform({"label": labels})["boundary_distance"].numpy(),
        boundary_distance_by_loops(labels, (3.0, 0.5), ignored=[2]),
        rtol=1e-5,
    )


def test_image_without_boundary_is_infinitely_far_from_it():
    distance = BoundaryDistanceMapd()({"label": torch.ones(1, 4, 5)})["boundary_distance"]
    assert distance.shape == (1, 4, 5)
    assert distance.isposinf().all()


def test_keeps_the_label_s_meta_data():
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    label = MetaTensor(torch.from_numpy(labels_3d()), affine=affine, meta={"subject": "a"})
    distance = BoundaryDistanceMapd()({"label": label})["boundary_distance"]
    assert torch.equal(distance.affine, affine)
    assert distance.meta["subject"] == "a"
    assert label.dtype == torch.int64


@pytest.mark.parametrize("axis", [0, 1])
def test_inside_compose_after_a_flip(axis):
    labels = labels_2d()
    pipeline = Compose(
        [
            EnsureChannelFirstd("label", channel_dim="no_channel"),
            Flipd("label", spatial_axis=axis),
            BoundaryDistanceMapd("label"),
        ]
    )
    sample = pipeline({"label": labels[0]})
    moved = np.flip(labels, axis + 1)
    np.testing.assert_array_equal(np.asarray(sample["label"]), moved)
    expected = boundary_distance_by_loops(moved)
    np.testing.assert_allclose(sample["boundary_distance"].numpy(), expected, rtol=1e-5)


def test_a_flip_moves_the_boundary_by_a_voxel_so_that_the_map_cannot_be_flipped_along():
    labels = torch.tensor([[[0, 0, 0, 1, 1]]])
    distance = BoundaryDistanceMapd("label")({"label": labels})["boundary_distance"]
    of_flipped = BoundaryDistanceMapd("label")({"label": labels.flip(2)})["boundary_distance"]
    assert distance.flip(2).flatten().tolist() == [2, 1, 0, 1, 2]
    assert of_flipped.flatten().tolist() == [1, 0, 1, 2, 3]


def test_exchanging_axes_keeps_the_map():
    labels = labels_2d()
    distance = BoundaryDistanceMapd()({"label": labels})["boundary_distance"]
    exchanged = BoundaryDistanceMapd()({"label": labels.swapaxes(1, 2)})["boundary_distance"]
    torch.testing.assert_close(exchanged, distance.transpose(1, 2))


def test_one_spacing_is_that_of_every_axis():
    one = BoundaryDistanceMapd(spacing=0.5)({"label": labels_3d()})["boundary_distance"]
    all_three = BoundaryDistanceMapd(spacing=[0.5] * 3)({"label": labels_3d()})
    assert torch.equal(one, all_three["boundary_distance"])


def test_takes_arrays_with_negative_strides():
    labels = labels_2d()[:, ::-1]
    distance = BoundaryDistanceMapd()({"label": labels})["boundary_distance"]
    np.testing.assert_allclose(distance.numpy(), boundary_distance_by_loops(labels), rtol=1e-5)


def test_several_keys_each_into_its_own():
    a, b = labels_2d(), labels_2d()[:, :, ::-1].copy()
    sample = BoundaryDistanceMapd(["a", "b"], ["to_a", "to_b"])({"a": a, "b": b})
    np.testing.assert_allclose(sample["to_a"].numpy(), boundary_distance_by_loops(a), rtol=1e-5)
    np.testing.assert_allclose(sample["to_b"].numpy(), boundary_distance_by_loops(b), rtol=1e-5)


def test_missing_keys():
    sample = {"b": labels_2d()}
    with pytest.raises(KeyError, match="a"):
        BoundaryDistanceMapd(["a", "b"], ["to_a", "to_b"])(sample)
    found = BoundaryDistanceMapd(["a", "b"], ["to_a", "to_b"], allow_missing_keys=True)(sample)
    assert set(found) == {"b", "to_b"}


@pytest.mark.parametrize("output_keys", ["d", ["d", "d"], ["d", "e", "f"]])
def test_refuses_output_keys_that_do_not_match(output_keys):
    with pytest.raises(ValueError, match="output_keys must be 2 different ones"):
        BoundaryDistanceMapd(["a", "b"], output_keys)


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5), (1, 1, 4, 5, 6)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="'label' must be 1 x H x W"):
        BoundaryDistanceMapd()({"label": torch.zeros(shape)})


class Counted(BoundaryDistanceMapd):
    calls = 0

    def __call__(self, data):
        Counted.calls += 1
        return super().__call__(data)


@pytest.mark.parametrize("cached", ["CacheDataset", "PersistentDataset"])
def test_is_computed_once_by_monai_s_caches(cached, tmp_path):
    Counted.calls = 0
    pipeline = Compose([Counted(), RandScaleIntensityd("label", 0.1, prob=0.5)])
    data = [{"label": torch.from_numpy(labels_2d())}]
    if cached == "CacheDataset":
        dataset = CacheDataset(data, pipeline, progress=False)
    else:
        dataset = PersistentDataset(data, pipeline, cache_dir=tmp_path)
    first, second = dataset[0]["boundary_distance"], dataset[0]["boundary_distance"]
    assert Counted.calls == 1
    assert torch.equal(first, second)


def test_survives_pickling_for_worker_processes():
    transform = pickle.loads(pickle.dumps(BoundaryDistanceMapd(spacing=(2, 1))))
    expected = BoundaryDistanceMapd(spacing=(2, 1))({"label": labels_2d()})
    result = transform({"label": labels_2d()})
    assert torch.equal(result["boundary_distance"], expected["boundary_distance"])


def test_docstring_example_runs():
    results = doctest.testmod(sys.modules[BoundaryDistanceMapd.__module__])
    assert results.attempted > 0
    assert results.failed == 0
