"""Whole runs, tiny: what a user sees of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from medabl.data import find_subjects
from medabl.engine import RunFolder, load_checkpoint, load_config, train
from medabl.errors import InputError
from medabl.files import read_json
from tests.conftest import write_subject
from tests.small_runs import same_weights, small_config


@pytest.fixture(scope="module")
def run(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of GDL + ABL."""
    return train(small_config(cohort, tmp_path_factory.mktemp("runs") / "a"))


def test_the_run_folder_is_self_contained(run: RunFolder, cohort: Path) -> None:
    info = read_json(run.info)
    assert (info["status"], info["method"], info["label"]) == ("done", "gdl_abl", "GDL + ABL")
    split = read_json(run.path / "split.json")
    assert (len(split["train"]), len(split["val"])) == (4, 2)
    epochs = pd.read_csv(run.epochs)
    assert epochs["epoch"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(epochs["alpha"], [1.0, 0.505, 0.01])
    assert np.isfinite(epochs.to_numpy()).all()
    for which in ("best", "last"):
        table = pd.read_csv(run.evaluation(which))
        assert sorted(table["subject"]) == sorted(split["val"])
    versions = read_json(run.path / "environment.json")["versions"]
    number, of_package = torch.__version__, versions["torch"]  # whose build may not be named
    assert number.partition("+")[0] == of_package.partition("+")[0]


def test_best_is_the_epoch_with_the_highest_slice_dsc(run: RunFolder) -> None:
    epochs = pd.read_csv(run.epochs)
    best = load_checkpoint(run.checkpoint("best"))
    assert best["epoch"] == epochs["epoch"][epochs["val_slice_dsc"].idxmax()]
    assert load_checkpoint(run.checkpoint("last"))["epoch"] == 3


def test_masks_lie_on_the_grid_of_the_scan(run: RunFolder, cohort: Path) -> None:
    for subject in find_subjects(cohort):
        path = run.prediction("best", subject.id)
        if subject.id in read_json(run.path / "split.json")["val"]:
            scan, mask = nib.load(subject.images["flair"]), nib.load(path)
            assert mask.shape == scan.shape
            np.testing.assert_allclose(mask.affine, scan.affine)
            assert mask.get_data_dtype() == np.uint8
            assert set(np.unique(mask.dataobj)) <= {0, 1}


def test_a_finished_run_is_left_alone(run: RunFolder, cohort: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    train(small_config(cohort, run.path))
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_another_config_is_not_written_over_a_run(run: RunFolder, cohort: Path) -> None:
    with pytest.raises(InputError, match=r"other settings \(epochs: 3, now 4\)"):
        train(small_config(cohort, run.path, epochs=4))


def test_a_run_may_go_on_elsewhere(run: RunFolder, cohort: Path) -> None:
    assert train(small_config(cohort, run.path, device="auto", num_workers=1)).status() == "done"


def test_no_subject_with_a_lesion_is_valid(tmp_path: Path) -> None:
    """All slices are trained on, where those with a lesion are asked for and there is none."""
    for name in "abc":
        write_subject(tmp_path / "data" / name, seed=ord(name), lesion=False)
    overrides = {"lesion_slices_only": True, "validation": 1, "epochs": 1}
    folder = train(small_config(tmp_path / "data", tmp_path / "run", **overrides))
    assert len(pd.read_csv(folder.evaluation("best"))) == 1


def test_a_folder_with_something_else_is_refused(cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is no run folder"):
        train(small_config(cohort, tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_same_seed_repeats_itself_and_another_does_not(
    run: RunFolder, cohort: Path, tmp_path: Path
) -> None:
    again = train(small_config(cohort, tmp_path / "again"))
    other = train(small_config(cohort, tmp_path / "other", seed=1))
    assert same_weights(run, again)
    assert not same_weights(run, other)


OTHERS = sorted({*load_config(["wmh.yaml"], {})["methods"]} - {"gdl_abl"})


@pytest.mark.parametrize("method", OTHERS)
def test_the_other_methods_run_with_their_maps(cohort: Path, tmp_path: Path, method: str) -> None:
    folder = train(small_config(cohort, tmp_path / "r", method=method, epochs=1))
    assert folder.status() == "done"
    assert np.isfinite(pd.read_csv(folder.epochs)["train_loss"]).all()


def test_the_weights_of_a_sum_are_logged_and_go_on_after_a_resume(
    cohort: Path, tmp_path: Path
) -> None:
    columns = ["weight_ce", "weight_iou", "weight_abl"]
    folder = train(small_config(cohort, tmp_path / "r", method="iou_to_abl"))
    expected = [[1.0, 1.0, 0.0], [1.0, 0.5, 0.5], [1.0, 0.0, 1.0]]
    np.testing.assert_allclose(pd.read_csv(folder.epochs)[columns], expected)
    assert load_checkpoint(folder.checkpoint("last"))["state"]["loss"]["_extra_state"] == {
        "epoch": 2
    }


def test_the_weight_of_a_term_can_be_set(cohort: Path, tmp_path: Path) -> None:
    overrides = {"methods.iabl.loss.terms.abl.weight": 0.3, "method": "iabl", "epochs": 1}
    folder = train(small_config(cohort, tmp_path / "r", **overrides))
    assert pd.read_csv(folder.epochs)["weight_abl"].tolist() == [0.3]


def test_monais_region_loss_can_be_chosen(cohort: Path, tmp_path: Path) -> None:
    override = {"region_loss._target_": "monai.losses.GeneralizedDiceLoss", "method": "gdl"}
    settings = small_config(cohort, tmp_path / "r", epochs=1, **override)
    assert train(settings).status() == "done"


def test_bad_data_is_named_before_training(cohort: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(cohort, data)
    path = data / "Utrecht" / "7" / "wmh.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="Utrecht/7/wmh"):
        train(small_config(str(data), str(tmp_path / "run")))


def test_too_few_subjects_for_the_split(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="6 validation subjects cannot be set apart"):
        train(small_config(cohort, tmp_path / "run", validation=6))


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_cuda_without_cuda(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="torch sees 0 CUDA"):
        train(small_config(cohort, tmp_path / "run", device="cuda"))


def test_data_and_run_dir_are_asked_for(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data is not set"):
        train(load_config(["wmh.yaml"], {"run_dir": str(tmp_path / "run")}))
    with pytest.raises(InputError, match="run_dir is not set"):
        train(load_config(["wmh.yaml"], {"data": str(cohort)}))
