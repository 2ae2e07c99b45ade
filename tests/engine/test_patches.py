"""3D runs by patches: what is drawn, what decides, and the commands a user types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from monai.bundle import ConfigParser

from medabl.engine import find_cohort, load_config, settings_of
from medabl.engine.build import parse
from medabl.errors import InputError
from medabl.files import read_json
from medabl.geometry import boundary_distance
from medabl.runs import RunFolder
from tests.experiments.small_sweep import medabl, write_sweep

SMALL = {
    "image_size": [16, 16, 4],
    "patches_per_volume": 3,
    "width": 4,
    "epochs": 3,
    "learning_rate": 0.01,
    "validation": 2,
    "device": "cpu",
    "num_workers": 0,
}


def parser(data: Path, run_dir: Path, **overrides: Any) -> ConfigParser:
    places = {"data": str(data), "run_dir": str(run_dir)}
    config = load_config(["wmh3d.yaml"], {**SMALL, **places, **overrides})
    settings = settings_of(config)
    return parse(config, settings, find_cohort(settings))


@pytest.fixture(scope="module")
def sweep(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, in voxels of their own and in mm, through `medabl sweep`."""
    folder = tmp_path_factory.mktemp("sweep3d")
    methods = [{"method": "gdl_abl"}, {"method": "rrw", "spacing": None, "crop_to_head": False}]
    file = write_sweep(folder / "sweep.yaml", cohort, base=["wmh3d.yaml"], set=SMALL, list=methods)
    medabl("sweep", file, "--out", folder / "out", "--jobs", 1)
    return folder / "out"


@pytest.fixture(scope="module")
def runs(sweep: Path) -> dict[str, RunFolder]:
    folders = [RunFolder(path.parent) for path in sorted(sweep.rglob("run.json"))]
    return {str(folder.read_info()["method"]): folder for folder in folders}


def test_an_epoch_draws_different_patches_with_their_own_distances_in_mm(
    cohort: Path, tmp_path: Path
) -> None:
    parsed = parser(cohort, tmp_path / "run")
    data = parsed.get_parsed_content("train_data")
    assert len(data) == 3 * 4
    patches = [patch for index in range(len(data)) for patch in data[index]]
    again = [patch for index in range(len(data)) for patch in data[index]]
    for patch, same in zip(patches, again, strict=True):
        assert patch["image"].shape == (2, 16, 16, 4)
        assert torch.equal(patch["image"], same["image"])
        expected = boundary_distance(patch["label"][None], spacing=(1, 1, 3))[0]
        torch.testing.assert_close(patch["distance_map"], expected)
    of_one_volume = [patch["image"] for patch in patches[::4]]
    assert not torch.equal(of_one_volume[0], of_one_volume[1])
    data.set_epoch(1)
    assert not torch.equal(data[0][0]["image"], patches[0]["image"])


def test_all_patches_hold_a_lesion_where_that_is_asked_for(cohort: Path, tmp_path: Path) -> None:
    parsed = parser(cohort, tmp_path / "run", lesion_slices_only=True)
    volumes = parsed.get_parsed_content("train_volumes")
    data = parsed.get_parsed_content("train_data")
    for index in range(len(data)):
        has_lesion = bool(volumes[index % len(volumes)]["label"].any())
        assert bool(data[index][0]["label"].any()) == has_lesion


def test_the_network_is_trained_at_several_depths(cohort: Path, tmp_path: Path) -> None:
    parsed = parser(cohort, tmp_path / "run", image_size=[32, 32, 8])
    network = parsed.get_parsed_content("network")
    image = torch.zeros(1, 2, 32, 32, 8)
    assert network.train()(image).shape == (1, 3, 2, 32, 32, 8)
    assert network.eval()(image).shape == (1, 2, 32, 32, 8)


def test_the_key_metric_is_the_3d_dice_of_the_masks_that_are_written(
    runs: dict[str, RunFolder],
) -> None:
    """Where volumes are not resampled, both are of the same voxels."""
    run = runs["rrw"]
    epochs = pd.read_csv(run.epochs)
    assert [name for name in epochs if name.startswith("val_")] == ["val_dsc"]
    masks = pd.read_csv(run.evaluation("last"))
    assert epochs["val_dsc"].iloc[-1] == pytest.approx(masks["dsc"].mean())
    assert masks["dsc"].mean() > 0


def test_masks_lie_on_the_scans_own_grid(runs: dict[str, RunFolder], cohort: Path) -> None:
    run = runs["gdl_abl"]
    for subject in read_json(run.split)["val"]:
        scan = nib.load(cohort / subject / "pre" / "FLAIR.nii.gz")
        mask = nib.load(run.prediction("best", subject))
        assert mask.shape == scan.shape
        np.testing.assert_array_equal(mask.affine, scan.affine)


def test_predict_writes_the_masks_of_the_run(
    runs: dict[str, RunFolder], cohort: Path, tmp_path: Path
) -> None:
    run = runs["gdl_abl"]
    (subject, *_) = read_json(run.split)["val"]
    medabl("predict", "--checkpoint", run.checkpoint("best"), "--data", cohort, "--out", tmp_path)
    (mask,) = tmp_path.rglob(f"{Path(subject).name}.nii.gz")
    written = [np.asarray(nib.load(p).dataobj) for p in (mask, run.prediction("best", subject))]
    np.testing.assert_array_equal(*written)


def test_results_and_report_take_3d_runs(
    sweep: Path, runs: dict[str, RunFolder], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    medabl("results", sweep, "--out", table)
    assert set(pd.read_csv(table)["method"]) == {"gdl_abl", "rrw"}
    medabl("report", *[run.path for run in runs.values()], "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "GDL + ABL" in page


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"spacing": [1, 0, 3]}, "spacing::1=0.*greater than 0"),
        ({"patches_per_volume": 0}, "patches_per_volume=0"),
        ({"spacing": "meta"}, "spacing=meta is for tasks of 2.*such as spacing=1,1,3"),
        ({"spacing": "metres"}, "spacing=metres"),
        ({"spacing": "1,1"}, "spacing needs 3 numbers, slices last, such as 1,1,3; got 2"),
    ],
)
def test_settings_of_patches_are_checked(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_config(["wmh3d.yaml"], wrong)


def test_slices_have_no_settings_of_patches() -> None:
    for spacing in ([1, 1, 3], "1,1,3", "0.5,0.5"):
        with pytest.raises(InputError, match=r"spacing in mm is for tasks of 3 .*spacing=meta"):
            load_config(["wmh.yaml"], {"spacing": spacing})
    with pytest.raises(InputError, match="patches_per_volume is for tasks of 3 spatial dimensions"):
        load_config(["wmh.yaml"], {"patches_per_volume": 2})


def test_a_patch_too_small_for_the_network_is_refused_in_a_sentence(
    cohort: Path, tmp_path: Path
) -> None:
    text = medabl("train", "wmh3d.yaml", f"data={cohort}", f"run_dir={tmp_path / 'r'}",
                  "validation=2", "image_size=8,4,4", code=2)  # fmt: skip
    assert "image_size (the patch) is too small for a 3D U-Net, got (8, 4, 4)" in text
    assert not (tmp_path / "r").exists()
