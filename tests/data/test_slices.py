import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import scipy.ndimage
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose

from medabl.data import SliceDataset, cached_volumes, find_subjects
from medabl.engine import load_config


@pytest.fixture
def preprocess(cohort: Path) -> Compose:
    config = load_config(["wmh.yaml"], {"image_size": [48, 40]})
    return ConfigParser(config).get_parsed_content("preprocess")


def test_preprocessing_is_the_published_one(cohort: Path, preprocess: Compose) -> None:
    """Against SciPy: scaled to [0, 1] over the volume, resized in plane, label 2 background."""
    subjects = find_subjects(cohort)
    source = next(s for s in subjects if s.id == "Utrecht/7")
    (volume,) = cached_volumes([source], preprocess)
    zoom = (48 / 24, 40 / 32, 1)
    for channel, path in enumerate(source.images.values()):
        data = nib.as_closest_canonical(nib.load(path)).get_fdata()
        scaled = (data - data.min()) / (data.max() - data.min())
        expected = scipy.ndimage.zoom(scaled, zoom, order=1, grid_mode=True, mode="nearest")
        np.testing.assert_allclose(volume["image"][channel].numpy(), expected, atol=1e-5)
    label = nib.as_closest_canonical(nib.load(source.label)).get_fdata() == 1
    expected = scipy.ndimage.zoom(
        label.astype(np.uint8), zoom, order=0, grid_mode=True, mode="nearest"
    )
    np.testing.assert_array_equal(volume["label"][0].numpy(), expected)


def test_slices_are_those_of_the_volumes(cohort: Path, preprocess: Compose) -> None:
    subjects = [s for s in find_subjects(cohort) if s.id in ("Utrecht/0", "Utrecht/7")]
    volumes = cached_volumes(subjects, preprocess)
    slices = SliceDataset(volumes)
    assert len(slices) == 8
    sample = slices[6]
    assert (sample["subject"], sample["slice"]) == ("Utrecht/7", 2)
    assert torch.equal(sample["image"], volumes[1]["image"].as_tensor()[..., 2])
    assert torch.equal(sample["label"], volumes[1]["label"].as_tensor()[..., 2])
    assert type(sample["image"]) is torch.Tensor


def test_the_disk_cache_notices_settings_and_files(
    cohort: Path, tmp_path: Path, preprocess: Compose
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(cohort / "Utrecht", root)
    cache = tmp_path / "cache"

    def load(size: list[int]) -> np.ndarray:
        config = load_config(["wmh.yaml"], {"image_size": size})
        transform = ConfigParser(config).get_parsed_content("preprocess")
        return cached_volumes(find_subjects(root)[:1], transform, cache)[0]["image"].numpy()

    first = load([32, 32])
    assert len(list(cache.iterdir())) == 1
    np.testing.assert_array_equal(load([32, 32]), first)
    assert len(list(cache.iterdir())) == 1
    assert load([48, 32]).shape == (2, 48, 32, 4)
    shutil.copy(root / "7" / "pre" / "FLAIR.nii.gz", root / "0" / "pre" / "FLAIR.nii.gz")
    (root / "0" / "pre" / "FLAIR.nii.gz").touch()
    assert not np.array_equal(load([32, 32]), first)


def test_slices_without_foreground_can_be_left_out() -> None:
    label = torch.zeros(1, 4, 4, 3)
    label[0, 1, 1, 1] = 1
    volume = {"image": torch.rand(2, 4, 4, 3), "label": label, "subject": "a"}
    (sample,) = SliceDataset([volume], foreground="label")
    assert sample["slice"] == 1
