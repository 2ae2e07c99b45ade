"""`spacing=meta`: slices whose maps are in mm, by the pixel size that resampling leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import ndimage

from medabl.engine import find_cohort, load_config, settings_of, train
from medabl.engine.build import parse
from medabl.errors import InputError
from tests.conftest import AFFINE
from tests.small_runs import small_config

# Scans of 24 x 32 x 4 voxels, slices resized to 32 x 32.
AXIAL = np.linalg.norm(AFFINE[:3, [0, 1]], axis=0) * [24 / 32, 32 / 32]
CORONAL = np.linalg.norm(AFFINE[:3, [0, 2]], axis=0) * [24 / 32, 4 / 32]


def samples(data: Path, run_dir: Path, **overrides: Any) -> list[dict[str, Any]]:
    """What a run with distances in mm trains on, where there is a lesion."""
    overrides = {"spacing": "meta", "lesion_slices_only": True, "validation": 1} | overrides
    config = small_config(data, run_dir, **overrides)
    settings = settings_of(config)
    data_set = parse(config, settings, find_cohort(settings)).get_parsed_content("train_data")
    drawn = [data_set[index] for index in range(len(data_set))]
    return [sample for sample in drawn if sample["label"].any()]


def signed(mask: npt.NDArray[np.bool_], sampling: npt.NDArray[np.float64]) -> Any:
    """Kervadec's map of one class, by SciPy."""
    outside = ndimage.distance_transform_edt(~mask, sampling)
    inside = ndimage.distance_transform_edt(mask, sampling)
    return np.where(mask, 1 - inside, outside)


def on_boundary(label: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Pixels that differ from the next one along an axis."""
    boundary = np.zeros(label.shape, bool)
    boundary[:-1] |= label[:-1] != label[1:]
    boundary[:, :-1] |= label[:, :-1] != label[:, 1:]
    return boundary


@pytest.mark.parametrize(
    ("slice_axis", "pixel", "cached"),
    [("axial", AXIAL, False), ("axial", AXIAL, True), ("coronal", CORONAL, False)],
)
def test_signed_distances_are_scipys_in_mm(
    cohort: Path, tmp_path: Path, slice_axis: str, pixel: npt.NDArray[np.float64], cached: bool
) -> None:
    cache = {"cache_dir": str(tmp_path / "cache")} if cached else {}
    drawn = samples(cohort, tmp_path / "run", method="gdl_bl", slice_axis=slice_axis, **cache)
    assert len(drawn) > 5
    for sample in drawn:
        lesion = np.asarray(sample["label"])[0] == 1
        expected = signed(lesion, pixel)
        np.testing.assert_allclose(np.asarray(sample["distance_map"])[1], expected, atol=1e-4)


def test_distances_to_the_boundary_are_scipys_in_mm(cohort: Path, tmp_path: Path) -> None:
    for sample in samples(cohort, tmp_path / "run", method="gdl_abl"):
        boundary = on_boundary(np.asarray(sample["label"])[0].astype(np.int64))
        expected = ndimage.distance_transform_edt(~boundary, AXIAL)
        np.testing.assert_allclose(np.asarray(sample["distance_map"])[0], expected, atol=1e-4)


def test_a_slice_that_augmentation_enlarges_has_smaller_pixels(
    cohort: Path, tmp_path: Path
) -> None:
    plain, moved = (
        samples(cohort, tmp_path / "run", method="gdl_bl", augment=augment)
        for augment in (False, True)
    )
    area_of = {(s["subject"], s["slice"]): float(s["label"].sum()) * AXIAL.prod() for s in plain}
    areas, zooms = [], []
    for sample in moved:
        pixel = np.linalg.norm(np.asarray(sample["label"].affine)[:3, :2], axis=0)
        lesion = np.asarray(sample["label"])[0] == 1
        expected = signed(lesion, pixel)
        np.testing.assert_allclose(np.asarray(sample["distance_map"])[1], expected, atol=1e-4)
        areas.append(lesion.sum() * pixel.prod() / area_of[sample["subject"], sample["slice"]])
        zooms.append(pixel.prod() / AXIAL.prod())
    assert np.median(areas) == pytest.approx(1, abs=0.1)
    assert min(zooms) < 0.95 and max(zooms) > 1.05


@pytest.mark.parametrize("method", ["gdl_bl", "gdl_abl", "cc_dice_ce", "rrw"])
def test_a_run_trains_with_distances_in_mm(cohort: Path, tmp_path: Path, method: str) -> None:
    losses = []
    for spacing in ("meta", None):
        config = small_config(
            cohort, tmp_path / str(spacing), method=method, spacing=spacing, epochs=2, num_workers=0
        )
        folder = train(config, check=False)
        losses.append(pd.read_csv(folder.epochs)["train_loss"].to_numpy())
    assert np.isfinite(losses).all()
    assert not np.array_equal(*losses)


def test_pictures_have_no_size_in_mm() -> None:
    with pytest.raises(InputError, match="spacing=meta is for scans: pictures have no size in mm"):
        load_config(["cityscapes.yaml"], {"spacing": "meta"})
