import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from medabl.cli import app
from medabl.errors import InputError
from medabl.inspection import inspect_data
from medabl.inspection.measure import measure
from medabl.miniatures import write_miniature
from tests.conftest import write_nifti
from tests.data.test_pictures import CITYSCAPES

CITYSCAPES_ID = {CITYSCAPES.classes[c]: v for v, c in CITYSCAPES.class_of_label.items() if c < 255}


def write_scan(folder, label, spacing):
    affine = np.diag([*spacing, 1.0])
    image = np.random.default_rng(0).random(label.shape, np.float32)
    write_nifti(folder / "pre" / "FLAIR.nii.gz", image, affine)
    write_nifti(folder / "wmh.nii.gz", label.astype(np.uint8), affine)


def two_lesions():
    """One of 4 x 3 x 2 voxels, one of a single voxel, in 20 x 10 x 6."""
    label = np.zeros((20, 10, 6), np.uint8)
    label[2:6, 3:6, 1:3] = 1
    label[15, 5, 4] = 1
    return label


def boundary_by_loops(classes):
    """Voxels that differ from the next one along any axis, counted one by one."""
    count = 0
    for voxel in np.ndindex(classes.shape):
        for axis in range(classes.ndim):
            after = tuple(v + (a == axis) for a, v in enumerate(voxel))
            if after[axis] < classes.shape[axis] and classes[after] != classes[voxel]:
                count += 1
                break
    return count


def test_lesions_slices_and_boundary_are_counted():
    facts = measure(two_lesions())
    assert facts.lesion_voxels.tolist() == [24, 1]
    assert facts.lesion_extents.tolist() == [[4, 3, 2], [1, 1, 1]]
    assert (facts.slices, facts.empty_slices) == (6, 3)
    label = two_lesions()
    expected = [boundary_by_loops(label[..., z]) / 200 for z in (1, 2, 4)]
    np.testing.assert_allclose(facts.boundary_shares, expected, rtol=1e-6)
    np.testing.assert_allclose(facts.boundary_share_3d, boundary_by_loops(label) / 1200, rtol=1e-6)
    # Of 4 x 3 only the two voxels in the middle have four neighbours of their own.
    assert facts.boundary_of_lesion == pytest.approx((24 - 4 + 1) / 25)


def test_the_table_is_in_millimetres(tmp_path):
    write_scan(tmp_path / "a", two_lesions(), (1, 1, 3))
    write_scan(tmp_path / "b", np.zeros((20, 10, 6)), (1, 1, 3))
    first, second = inspect_data(tmp_path, ["flair"]).table.to_dict("records")
    assert (first["spacing_mm"], first["shape"]) == ("1 x 1 x 3", "20 x 10 x 6")
    sizes = (first["lesions"], first["largest_lesion_mm3"], first["median_lesion_mm3"])
    assert sizes == pytest.approx((2, 72, 37.5))
    assert first["lesion_ml"] == pytest.approx(0.075)
    assert (second["lesions"], second["empty_slices"], second["lesion_ml"]) == (0, 6, 0)


@pytest.mark.parametrize(
    ("spacing", "value"),
    [
        ((1, 1, 1.1), "None"),
        ((0.5, 0.5, 3), "None in 2D, (1, 1, 6) in 3D"),
        ((1, 2, 4), "(1, 2, 4), its first two in 2D"),
    ],
)
def test_spacing_is_suggested_where_voxels_are_no_cubes(tmp_path, spacing, value):
    write_scan(tmp_path / "a", two_lesions(), spacing)
    suggested = {s.setting: s.value for s in inspect_data(tmp_path, ["flair"]).suggestions}
    assert suggested["spacing"] == value


def test_the_suggested_ratio_holds_the_true_boundary_of_nearly_all_slices(tmp_path):
    rng = np.random.default_rng(1)
    label = np.zeros((64, 64, 40), np.uint8)
    for z in range(40):
        x, y, size = rng.integers(5, 30, 3)
        label[x : x + size, y : y + size, z] = 1
    write_scan(tmp_path / "a", label, (1, 1, 1))
    inspection = inspect_data(tmp_path, ["flair"])
    (value,) = [float(s.value) for s in inspection.suggestions if s.setting.endswith("ratio (2D)")]
    shares = inspection.facts["a"].boundary_shares
    assert (shares <= value).mean() >= 0.95
    assert value <= 2 * np.percentile(shares, 95)


def test_the_patch_fits_into_the_scan(tmp_path):
    write_scan(tmp_path / "a", two_lesions().repeat(4, 0).repeat(5, 1).repeat(3, 2), (1, 1, 3))
    suggested = {s.setting: s.value for s in inspect_data(tmp_path, ["flair"]).suggestions}
    assert suggested["max_distance"] == "16"  # 4 x 4 voxels wide
    assert suggested["patch size (3D)"] == "48 x 48 x 16"  # 16 x 15 x 6 with 16, 16, 16/3 around


def test_the_slice_axis_turns_the_table(tmp_path):
    write_scan(tmp_path / "a", two_lesions(), (1, 2, 3))
    (row,) = inspect_data(tmp_path, ["flair"], "sagittal").table.to_dict("records")
    assert (row["spacing_mm"], row["slices"]) == ("2 x 3 x 1", 20)


def test_without_any_lesion_only_the_spacing_is_suggested(tmp_path):
    write_scan(tmp_path / "a", np.zeros((20, 10, 6)), (1, 1, 3))
    inspection = inspect_data(tmp_path, ["flair"])
    assert [s.setting for s in inspection.suggestions] == ["spacing"]
    inspection.write(tmp_path / "out")
    assert (tmp_path / "out" / "inspect.png").stat().st_size > 1000


def test_the_command_prints_a_table_and_writes_it(cohort, tmp_path):
    result = CliRunner().invoke(app, ["inspect", "--data", str(cohort), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    text = re.sub(r"\s+", " ", result.output)
    for setting in ("max_boundary_ratio", "max_distance", "spacing", "patch size"):
        assert setting in text
    table = pd.read_csv(tmp_path / "inspect.csv")
    assert len(table) == 6
    label = nib.load(cohort / "Utrecht" / "0" / "wmh.nii.gz").get_fdata() == 1
    volume = label.sum() * abs(
        np.linalg.det(nib.load(cohort / "Utrecht" / "0" / "wmh.nii.gz").affine)
    )
    (ml,) = table.loc[table.subject == "Utrecht/0", "lesion_ml"]
    assert ml == pytest.approx(volume / 1000)


def test_what_cannot_be_inspected_is_named(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        inspect_data(tmp_path / "nowhere")
    write_scan(tmp_path / "a", two_lesions(), (1, 1, 1))
    with pytest.raises(InputError, match="slice_axis must be one of"):
        inspect_data(tmp_path, ["flair"], "oblique")


def test_the_pixels_of_a_picture_data_sets_classes_are_counted(tmp_path):
    write_miniature("cityscapes", tmp_path / "data")
    arguments = ["inspect", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "44 pictures" in result.output
    table = pd.read_csv(tmp_path / "out" / "inspect.csv").set_index("class")
    labels = np.stack([np.array(Image.open(p)) for p in (tmp_path / "data").rglob("*labelIds.png")])
    counts = np.isin(labels, list(CITYSCAPES_ID.values()))
    for name, value in CITYSCAPES_ID.items():
        mine = labels == value
        assert table.percent_of_pixels[name] == pytest.approx(100 * mine.sum() / counts.sum())
        assert table.pictures[name] == mine.any((1, 2)).sum()
    assert table.percent_of_pixels["(void)"] == pytest.approx(100 * (~counts).mean())
    assert "max_boundary_ratio = " in result.output
    assert "of the pixels lie on the true boundary" in result.output
    assert "voxel" not in result.output + (tmp_path / "out" / "suggestions.csv").read_text()


@pytest.mark.parametrize("option", [("--modalities", "flair"), ("--slice-axis", "coronal")])
def test_options_of_scans_are_refused_for_pictures(tmp_path, option):
    data = tmp_path / "rooms"
    (data / "images" / "training").mkdir(parents=True)
    result = CliRunner().invoke(app, ["inspect", "--data", str(data), *option])
    assert result.exit_code == 2
    assert f"{option[0]} is for scans, and {data} holds pictures; leave it out." in result.output


def test_pictures_of_a_task_of_ones_own_and_videos(tmp_path):
    write_miniature("ade20k", tmp_path / "rooms")
    wrong = ["inspect", "--data", str(tmp_path / "rooms"), "--task", "cityscapes.yaml"]
    result = CliRunner().invoke(app, wrong)
    assert result.exit_code == 2
    assert "holds pictures (ADE20K), but the task cityscapes needs pictures" in result.output
    (tmp_path / "JPEGImages" / "v").mkdir(parents=True)
    (tmp_path / "Annotations").mkdir()
    result = CliRunner().invoke(app, ["inspect", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "medabl inspect looks at scans and pictures; " in result.output


def test_a_task_of_pictures_is_refused_for_scans(tmp_path):
    write_scan(tmp_path / "a", two_lesions(), (1, 1, 1))
    result = CliRunner().invoke(app, ["inspect", "--data", str(tmp_path), "--task", "wmh.yaml"])
    assert result.exit_code == 2
    assert f"--task is for pictures, and {tmp_path} holds scans; leave it out." in result.output
