"""What the transforms that make a map of each class have in common, and what each of them makes."""

import doctest
import sys

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, MetaTensor
from monai.transforms import Compose, Flipd

from medabl.geometry import (
    component_sizes,
    connected_components,
    nearest_component,
    region_wise_map,
)
from medabl.transforms import LesionCellMapd, LesionSizeMapd, RegionWiseMapd

MAPS = {LesionCellMapd: "cell_map", LesionSizeMapd: "size_map", RegionWiseMapd: "region_map"}
each_transform = pytest.mark.parametrize("transform", MAPS)


def labels(spatial, seed=0):
    drawn = np.random.default_rng(seed).random((1, *spatial))
    return (drawn > 0.8).astype(np.uint8) + (drawn > 0.95)


def expected_map(transform, label, ignore_index=None, spacing=None):
    """From a label map 1 x ... with three classes."""
    label = torch.as_tensor(np.asarray(label))
    onehot = torch.stack([label[0] == c for c in range(3)])[None]
    valid = None if ignore_index is None else (label != ignore_index)[None]
    if valid is not None:
        onehot &= valid
    if transform is RegionWiseMapd:
        return region_wise_map(onehot, spacing, valid)[0]
    lesions = connected_components(onehot[:, 1:])
    if transform is LesionSizeMapd:
        return component_sizes(lesions)[0]
    return nearest_component(lesions, spacing)[0]


@each_transform
@pytest.mark.parametrize("spatial", [(12, 15), (7, 8, 6)])
@pytest.mark.parametrize(
    "kind", [np.asarray, torch.from_numpy, MetaTensor], ids=lambda k: k.__name__
)
def test_makes_the_map_that_its_loss_takes(transform, spatial, kind):
    sample = {"label": kind(labels(spatial))}
    made = transform("label", num_classes=3)(sample)[MAPS[transform]]
    assert isinstance(made, MetaTensor) == (kind is MetaTensor)
    expected = expected_map(transform, labels(spatial))
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(made), expected.numpy())
    assert list(sample) == ["label"]


@each_transform
def test_a_slice_without_lesion(transform):
    made = transform()({"label": torch.zeros(1, 6, 7)})[MAPS[transform]]
    if transform is RegionWiseMapd:
        assert torch.equal(made, torch.stack([-torch.ones(6, 7), torch.ones(6, 7)]))
    else:
        assert torch.equal(made, torch.zeros(1, 6, 7, dtype=made.dtype))


@each_transform
def test_ignored_voxels_belong_to_no_class(transform):
    label = labels((12, 15))
    label[0, 3:6] = 255
    made = transform(num_classes=3, ignore_index=255)({"label": label})[MAPS[transform]]
    expected = expected_map(transform, label, 255)
    np.testing.assert_array_equal(made.numpy(), expected.numpy())


@pytest.mark.parametrize("transform", [LesionCellMapd, RegionWiseMapd])
def test_spacing(transform):
    made = transform(num_classes=3, spacing=(1.0, 4.0))({"label": labels((12, 15))})
    expected = expected_map(transform, labels((12, 15)), spacing=(1.0, 4.0))
    np.testing.assert_array_equal(made[MAPS[transform]].numpy(), expected.numpy())


@pytest.mark.parametrize("transform", [LesionSizeMapd, RegionWiseMapd])
def test_the_map_of_a_flipped_label_is_the_flipped_map(transform):
    key = MAPS[transform]
    made = transform(num_classes=3)
    flip = Flipd(["label", key], spatial_axis=0, allow_missing_keys=True)
    sample = {"label": torch.from_numpy(labels((12, 15)))}
    after, before = Compose([made, flip])(sample)[key], Compose([flip, made])(sample)[key]
    torch.testing.assert_close(after, before)


@each_transform
def test_is_cached_once_a_sample(transform):
    data = [{"label": torch.from_numpy(labels((12, 15)))}]
    made = transform(num_classes=3)
    cached = CacheDataset(data, made, progress=False)[0]
    assert torch.equal(cached[MAPS[transform]], made(data[0])[MAPS[transform]])


@each_transform
def test_several_keys_some_missing(transform):
    made = transform(["a", "b"], 3, ["to_a", "to_b"], allow_missing_keys=True)
    assert set(made({"b": labels((12, 15))})) == {"b", "to_b"}
    with pytest.raises(KeyError, match="a"):
        transform(["a", "b"], 3, ["to_a", "to_b"])({"b": labels((12, 15))})
    with pytest.raises(ValueError, match="output_keys must be 2 different ones"):
        transform(["a", "b"])


@each_transform
def test_refuses_labels_that_are_no_class(transform):
    with pytest.raises(ValueError, match="'label' holds labels other than 0 to 1, such as 2"):
        transform()({"label": labels((12, 15))})


@each_transform
def test_docstring_example_runs(transform):
    results = doctest.testmod(sys.modules[transform.__module__])
    assert results.attempted > 0
    assert results.failed == 0
