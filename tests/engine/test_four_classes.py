"""A 3D task of four classes through the very same code: settings, patches, masks, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from medabl.cli import app
from medabl.engine import load_config, train
from medabl.files import read_json
from medabl.report import write_report
from medabl.runs import RunFolder, load_checkpoint
from tests.conftest import write_nifti

TISSUES = """
task:
  name: tissues
  classes: [background, csf, grey matter, white matter]
  labels: {0: background, 3: csf, 1: grey matter, 2: white matter, 9: vessel}
  evaluated: [grey matter, white matter, csf]
  spatial_dims: 3
  key_metric: val_dsc
modalities: [t1]
spacing: null
image_size: [16, 16, 16]
patches_per_volume: 4
crop_to_head: false
method: dice_ce
augment: false
width: 4
learning_rate: 0.01
epochs: 10
validation: 2
test: 1
device: cpu
"""
LABELS = {"grey matter": 1, "white matter": 2, "csf": 3}


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scans of nested balls: csf outside, grey matter, white matter inside; one vessel."""
    root = tmp_path_factory.mktemp("heads")
    for number in range(6):
        rng = np.random.default_rng(number)
        x, y, z = np.indices((20, 18, 16))
        centre = rng.integers(7, 10, 3)
        radius = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
        label = np.select([radius < 3, radius < 5, radius < 7], [2, 1, 3], 0).astype(np.uint8)
        image = np.choose(label, [0, 120, 200, 50]) + 5 * rng.standard_normal(label.shape)
        label[0, 0, 0] = 9
        write_nifti(root / f"s{number}" / "pre" / "T1.nii.gz", image.astype(np.float32))
        write_nifti(root / f"s{number}" / "wmh.nii.gz", label)
    return root


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overlay") / "tissues.yaml"
    path.write_text(TISSUES)
    return path


@pytest.fixture(scope="module")
def run(heads: Path, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("tissues") / "run"
    places = {"data": str(heads), "run_dir": str(folder)}
    return train(load_config(["wmh3d.yaml", overlay], places))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_the_table_of_epochs_holds_the_tasks_key_metric(run: RunFolder) -> None:
    epochs = pd.read_csv(run.epochs)
    assert list(epochs) == ["epoch", "train_loss", "alpha", "lr", "val_dsc"]
    assert epochs["val_dsc"].iloc[-1] > epochs["val_dsc"].iloc[0]
    best = load_checkpoint(run.checkpoint("best"))["epoch"]
    assert best == epochs["epoch"][epochs["val_dsc"].idxmax()]


def test_masks_are_in_the_labels_of_the_files_and_evaluated_by_class(
    run: RunFolder, heads: Path
) -> None:
    (tested,) = read_json(run.split)["test"]
    row = pd.read_csv(run.evaluation("last")).set_index("subject").loc[tested]
    scan = nib.load(heads / tested / "wmh.nii.gz")
    mask = nib.load(run.prediction("last", tested))
    np.testing.assert_array_equal(mask.affine, scan.affine)
    predicted, truth = np.asarray(mask.dataobj), np.asarray(scan.dataobj)
    assert set(np.unique(predicted)) <= {0, 1, 2, 3}
    for name, value in LABELS.items():
        column = f"dsc_{name.replace(' ', '_')}" if f"dsc_{name}" not in row else f"dsc_{name}"
        assert row[column] == pytest.approx(dice(predicted == value, truth == value))
    assert dice(predicted > 0, (truth > 0) & (truth < 9)) > 0.5


def predict(*arguments: Any) -> None:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    assert result.exit_code == 0, result.output


def test_predict_writes_the_same_mask_and_a_map_for_each_class(
    run: RunFolder, heads: Path, tmp_path: Path
) -> None:
    (tested,) = read_json(run.split)["test"]
    scan = heads / tested / "pre" / "T1.nii.gz"
    predict("--checkpoint", run.checkpoint("last"), "--image", scan, "--out",
            tmp_path / "m.nii.gz", "--probability")  # fmt: skip
    mask = np.asarray(nib.load(tmp_path / "m.nii.gz").dataobj)
    own = np.asarray(nib.load(run.prediction("last", tested)).dataobj)
    np.testing.assert_array_equal(mask, own)
    names = {"csf": 3, "grey-matter": 1, "white-matter": 2}
    maps = {
        value: nib.load(tmp_path / f"m_probability_{name}.nii.gz").get_fdata()
        for name, value in names.items()
    }
    background = 1 - sum(maps.values())
    assert background.min() > -1e-5
    stacked = np.stack([background, maps[1], maps[2], maps[3]])
    top, second = np.sort(stacked, axis=0)[[-1, -2]]
    clear = top - second > 1e-5
    np.testing.assert_array_equal(stacked.argmax(axis=0)[clear], mask[clear])


def test_the_report_names_the_classes(run: RunFolder, tmp_path: Path) -> None:
    page = write_report([run.path], tmp_path / "report").read_text()
    for name in LABELS:
        assert name in page
