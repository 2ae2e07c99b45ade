"""What counts as head when a volume is cropped to it."""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms import CropForeground, ScaleIntensity

from medabl.data import foreground
from medabl.export.monai_recipe import monai_preprocessing


def _head() -> torch.Tensor:
    """A bright ellipsoid (0.3 to 1) in air, 1 x 40 x 48 x 12."""
    axes = np.meshgrid(*[np.linspace(-1.4, 1.4, size) for size in (40, 48, 12)], indexing="ij")
    inside = sum(axis**2 for axis in axes) < 1
    tissue = np.random.default_rng(0).uniform(0.3, 1, inside.shape)
    return torch.from_numpy(np.where(inside, tissue, 0.02))[None]


def test_head_is_what_lies_above_a_tenth_of_the_range() -> None:
    head = _head()
    np.testing.assert_array_equal(foreground(head).numpy(), head.numpy() > 0.1)


def test_a_few_voxels_brighter_than_any_tissue_do_not_change_the_crop() -> None:
    head = _head()
    spoilt = head.clone()
    spoilt[0, 20, 20, 5:7] = 50
    crop = CropForeground(select_fn=foreground)
    boxes = [crop.compute_bounding_box(ScaleIntensity()(image)) for image in (head, spoilt)]
    np.testing.assert_array_equal(boxes[0], boxes[1])


def test_every_channel_has_its_own_range() -> None:
    head = _head()
    spoilt = head.clone()
    spoilt[0, 20, 20, 6] = 50
    both = torch.cat([head, spoilt / 50])
    np.testing.assert_array_equal(foreground(both)[:1].numpy(), foreground(head).numpy())
    np.testing.assert_array_equal(foreground(both)[1:].numpy(), foreground(spoilt / 50).numpy())


def test_a_bundle_crops_alike() -> None:
    crop = {
        "_target_": "CropForegroundd",
        "keys": ["image"],
        "source_key": "image",
        "select_fn": {"_target_": "medabl.data.foreground", "_mode_": "callable"},
    }
    recipe = {
        "preprocess": {"_target_": "Compose", "transforms": [crop]},
        "modalities": ["flair"],
        "slice_axis": "axial",
    }
    select = eval(monai_preprocessing(recipe)["transforms"][0]["select_fn"].removeprefix("$"))
    head = _head()
    head[0, 20, 20, 6] = 50
    scaled = ScaleIntensity()(torch.cat([head, 1 - head / 50]))
    np.testing.assert_array_equal(select(scaled).numpy(), foreground(scaled).numpy())
