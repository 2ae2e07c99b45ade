"""However a scan is stored, training, prediction and evaluation see and write the same."""

from __future__ import annotations

import pickle
import pickletools
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, CropForegroundd, Invertd, Resized

from medabl.data import LoadVolumed, write_like
from medabl.data.axes import SLICE_AXES
from medabl.errors import InputError
from medabl.evaluation import evaluate_paths
from medabl.task import WMH, Task
from tests.data.stored import AFFINE, ORIENTATIONS, image, mask, oblique, reoriented, shifted

# What the slices are taken along, and the canonical axes with that one last.
AXES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
orientation = st.sampled_from(ORIENTATIONS)
affines = st.sampled_from([AFFINE, oblique()])


def scan() -> np.ndarray:
    return np.random.default_rng(0).random(mask().shape).astype(np.float32)


def test_there_are_48_orientations() -> None:
    assert len({tuple(each.ravel()) for each in ORIENTATIONS}) == 48


@settings(max_examples=60, deadline=None)
@given(orientation, orientation, affines)
def test_the_evaluation_is_the_same(
    first: np.ndarray, second: np.ndarray, affine: np.ndarray
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        for of_ref, of_pred in ((ORIENTATIONS[0], ORIENTATIONS[0]), (first, second)):
            nib.save(reoriented(image(mask(), affine), of_ref), folder / "m.nii")
            nib.save(reoriented(image(shifted(), affine), of_pred), folder / "n.nii")
            table = evaluate_paths(folder / "n.nii", folder / "m.nii", progress=False).subjects
            rows.append(table.select_dtypes("number").iloc[0])
    assert rows[0]["dsc"] == pytest.approx(6 / 7)
    assert rows[0]["hd_mm"] == pytest.approx(0.9)
    assert rows[1].to_dict() == pytest.approx(rows[0].to_dict(), rel=1e-5, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(orientation, orientation, orientation, affines, st.sampled_from(SLICE_AXES))
def test_the_loaded_volumes_are_the_same(
    of_flair: np.ndarray,
    of_t1: np.ndarray,
    of_label: np.ndarray,
    affine: np.ndarray,
    slice_axis: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        item = {key: f"{name}/{key}.nii" for key in ("flair", "t1", "label")}
        nib.save(reoriented(image(scan(), affine), of_flair), item["flair"])
        nib.save(reoriented(image(scan() + 1, affine), of_t1), item["t1"])
        nib.save(reoriented(image(mask(), affine), of_label), item["label"])
        loaded = LoadVolumed(["flair", "t1"], slice_axis=slice_axis)({**item, "subject": "a"})
    axes = AXES[slice_axis]
    for key, expected in {"flair": scan(), "t1": scan() + 1, "label": mask() == 1}.items():
        tensor = loaded[key]
        assert tensor.is_contiguous()
        assert tensor.dtype == (torch.uint8 if key == "label" else torch.float32)
        np.testing.assert_array_equal(tensor[0].numpy(), expected.transpose(axes))
        index = np.array([3, 5, 7])  # of X, Y, Z
        place = tensor.affine.numpy() @ [*index[list(axes)], 1]
        np.testing.assert_allclose(place, affine @ [*index, 1], atol=1e-4)
    assert loaded["subject"] == "a"


@settings(max_examples=60, deadline=None)
@given(orientation, affines, st.sampled_from(SLICE_AXES))
def test_what_is_written_like_a_scan_lies_where_it_was_computed(
    stored: np.ndarray, affine: np.ndarray, slice_axis: str
) -> None:
    classes = np.random.default_rng(1).integers(0, 2, mask().shape).astype(np.uint8)
    with tempfile.TemporaryDirectory() as name:
        path, written = Path(name, "scan.nii"), Path(name, "new", "mask.nii.gz")
        source = reoriented(image(scan(), affine), stored)
        source.header["xyzt_units"] = 2
        source.header["descrip"] = b"a scan"
        nib.save(source, path)
        write_like(path, classes.transpose(AXES[slice_axis]), written, slice_axis)
        result = nib.load(written)
        canonical = np.asarray(nib.as_closest_canonical(result).dataobj)
    np.testing.assert_array_equal(canonical, classes)
    assert result.shape == source.shape
    np.testing.assert_allclose(result.affine, source.affine, atol=1e-5)
    assert nib.aff2axcodes(result.affine) == nib.aff2axcodes(source.affine)
    assert result.get_data_dtype() == np.uint8
    for field in ("sform_code", "qform_code", "xyzt_units", "descrip", "srow_x", "pixdim"):
        np.testing.assert_array_equal(result.header[field], source.header[field])


def test_a_header_in_micron_and_five_axes_stay_as_they_are(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[:3] *= 1000
    source = image(scan()[..., None, None], affine)
    source.header["xyzt_units"] = 3
    nib.save(source, tmp_path / "scan.nii")
    probability = scan().astype(np.float64)
    write_like(tmp_path / "scan.nii", probability, tmp_path / "p.nii")
    result = nib.load(tmp_path / "p.nii")
    assert result.shape == (40, 44, 12, 1, 1)
    assert result.header["xyzt_units"] == 3
    assert result.get_data_dtype() == np.float32
    np.testing.assert_array_equal(result.affine, affine)
    np.testing.assert_array_equal(np.squeeze(result.dataobj), scan())


def test_a_forms_mistake_that_was_mended_is_not_written_again(tmp_path: Path) -> None:
    source = image(scan())
    source.header["srow_x"] = source.header["srow_y"] = source.header["srow_z"] = 0
    source = nib.Nifti1Image(scan(), None, source.header)
    nib.save(source, tmp_path / "scan.nii")
    write_like(tmp_path / "scan.nii", scan(), tmp_path / "p.nii")
    np.testing.assert_allclose(nib.load(tmp_path / "p.nii").affine, AFFINE, atol=1e-5)


def test_classes_are_written_as_the_tasks_labels(tmp_path: Path) -> None:
    task = Task(
        name="brain",
        classes=["background", "grey", "white"],
        labels={0: "background", 7: "white", 9: "grey"},
        spatial_dims=3,
    )
    nib.save(image(scan()), tmp_path / "scan.nii.gz")
    classes = np.random.default_rng(2).integers(0, 3, mask().shape)
    write_like(tmp_path / "scan.nii.gz", classes, tmp_path / "m.nii.gz", task=task)
    written = np.asarray(nib.load(tmp_path / "m.nii.gz").dataobj)
    np.testing.assert_array_equal(written, np.array([0, 9, 7])[classes])
    item = {"flair": tmp_path / "scan.nii.gz", "label": tmp_path / "m.nii.gz"}
    loaded = LoadVolumed("flair", task)(item)["label"][0]
    np.testing.assert_array_equal(loaded.numpy(), classes)
    write_like(tmp_path / "scan.nii.gz", classes == 1, tmp_path / "m.nii.gz", task=task)
    written = np.asarray(nib.load(tmp_path / "m.nii.gz").dataobj)
    np.testing.assert_array_equal(written, 9 * (classes == 1))


def test_another_shape_is_refused(tmp_path: Path) -> None:
    nib.save(image(scan()), tmp_path / "scan.nii")
    with pytest.raises(ValueError, match=r"data has shape \(40, 12, 44\)"):
        write_like(tmp_path / "scan.nii", scan().transpose(0, 2, 1), tmp_path / "p.nii")
    assert not (tmp_path / "p.nii").exists()


@pytest.mark.parametrize("slice_axis", SLICE_AXES)
def test_monai_inverts_what_follows_the_loader(tmp_path: Path, slice_axis: str) -> None:
    """Cropped, resized and brought back, a bright box lies where it was in each storage."""
    data = np.zeros(mask().shape, np.float32)
    data[5:33, 6:40, 2:10] = 0.2
    data[10:25, 12:30, 4:8] = 1
    for number, stored in enumerate(ORIENTATIONS[::11]):
        path = tmp_path / f"{number}.nii"
        source = reoriented(image(data), stored)
        nib.save(source, path)
        preprocess = Compose(
            [
                LoadVolumed("flair", slice_axis=slice_axis),
                CropForegroundd("flair", source_key="flair", margin=1),
                Resized("flair", spatial_size=[64, 64, -1]),
            ]
        )
        loaded = preprocess({"flair": path})
        assert loaded["flair"].shape[1:3] == (64, 64)
        loaded["p"] = MetaTensor(loaded["flair"].as_tensor(), meta=loaded["flair"].meta)
        invert = Invertd("p", preprocess, orig_keys="flair", nearest_interp=False)
        back = (invert(loaded)["p"][0].numpy() > 0.6).astype(np.uint8)
        write_like(path, back, tmp_path / f"m{number}.nii", slice_axis)
        written = np.asarray(nib.load(tmp_path / f"m{number}.nii").dataobj)
        truth = np.asarray(source.dataobj) > 0.6
        assert 2 * (written * truth).sum() / (written.sum() + truth.sum()) > 0.9


def test_the_loader_names_files_that_do_not_belong_together(tmp_path: Path) -> None:
    nib.save(image(scan()), tmp_path / "flair.nii")
    nib.save(image(scan()[:-1]), tmp_path / "t1.nii")
    item = {key: tmp_path / f"{key}.nii" for key in ("flair", "t1")}
    with pytest.raises(InputError, match=r"flair.nii has shape .*t1.nii has \(39, 44, 12\)"):
        LoadVolumed(["flair", "t1"])(item)
    with pytest.raises(InputError, match="slice_axis must be one of axial, coronal, sagittal"):
        LoadVolumed("flair", slice_axis="transversal")


def test_a_disk_cache_knows_the_loader_again_in_another_process() -> None:
    """Its name is a hash of the pickled loader, and a set has another order in each process."""
    pickled = pickle.dumps(LoadVolumed(["flair", "t1"], WMH))
    assert not {code.name for code, *_ in pickletools.genops(pickled)} & {"EMPTY_SET", "FROZENSET"}
    assert pickled == pickle.dumps(LoadVolumed(["flair", "t1"], WMH.model_copy()))
    assert pickled != pickle.dumps(LoadVolumed(["flair", "t1"], WMH, "coronal"))
