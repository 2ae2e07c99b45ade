from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from synthetic_runs import AFFINE, SHAPE, subject_names, write_images, write_run

from medabl.errors import InputError
from medabl.report import (
    GalleryRow,
    analyse,
    load_runs,
    subject_gallery,
    training_curves,
    write_report,
)
from medabl.report.figures import (
    bland_altman,
    box_plots,
    detection_curves,
    difference_plots,
    gallery_rows,
    gallery_tiles,
    interval_plot,
)
from medabl.report.figures.axial_slice import load_slice
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR
from medabl.report.svg import embed_svg, render_svg


@pytest.fixture
def runs(make_comparison):
    return load_runs([make_comparison(subjects=6, seeds=(0, 1), collapse=["gdl_abl"])])


def volume(tmp_path, name: str, data: np.ndarray, affine: np.ndarray = AFFINE):
    path = tmp_path / f"{name}.nii.gz"
    nib.save(nib.Nifti1Image(data.astype(np.float32), affine), path)
    return path


def test_curves_show_each_run_with_its_best_and_last_epoch(runs):
    figure = training_curves(runs)
    dice = figure.axes[2]  # Third method in the first row.
    assert dice.get_title(loc="left") == "GDL + ABL"
    runs_drawn = [line for line in dice.lines if len(line.get_xdata()) == 40]
    assert len(runs_drawn) == 3  # Two seeds and their mean.
    epochs = runs.of("gdl_abl")[0].epochs
    best = epochs.loc[epochs["val_slice_dsc"].idxmax()]
    marks = {tuple(np.ravel(line.get_xydata())) for line in dice.lines if line.get_marker() == "o"}
    assert (best["epoch"], best["val_slice_dsc"]) in marks
    assert dice.get_ylim() == figure.axes[0].get_ylim()


def test_curves_need_epochs(tmp_path):
    pd.DataFrame({"subject": ["1"], "dsc": [0.5]}).to_csv(tmp_path / "a.csv", index=False)
    assert training_curves(load_runs([tmp_path / "a.csv"])) is None


def test_intervals_show_the_numbers_of_the_comparison(runs):
    comparisons = analyse(runs, replicates=200).of(runs.primary, "best")
    axes = interval_plot(runs, comparisons).axes[0]
    (bar,) = [
        line
        for line in axes.lines
        if list(line.get_ydata()) == [1, 1] and len(line.get_xdata()) == 2
    ]
    assert list(bar.get_xdata()) == [comparisons[1].low, comparisons[1].high]
    assert [label.get_text() for label in axes.get_yticklabels()][1] == "GDL + ABL\nvs GDL"
    assert interval_plot(runs, []) is None
    assert difference_plots(runs, []) is None


def test_a_panel_each_metric(runs):
    boxes = box_plots(runs, "best")
    titles = [axes.get_title(loc="left") for axes in boxes.axes if axes.axison]
    assert titles == [metric.heading for metric in runs.metrics]
    differences = difference_plots(
        runs, [c for c in analyse(runs, replicates=50).comparisons if c.checkpoint == "best"]
    )
    assert sum(axes.axison for axes in differences.axes) == len(runs.metrics)


def test_bland_altman_lines_are_bias_and_limits(tmp_path):
    frame = {"subject": ["1", "2", "3"], "dsc": [0.5, 0.6, 0.7]}
    frame |= {"reference_ml": [1.0, 10.0, 20.0], "prediction_ml": [2.0, 10.0, 23.0]}
    pd.DataFrame(frame).to_csv(tmp_path / "a.csv", index=False)
    axes = bland_altman(load_runs([tmp_path / "a.csv"]), "file").axes[0]
    heights = [line.get_ydata()[0] for line in axes.lines[:4]]
    sd = np.std([1, 0, 3], ddof=1)
    assert heights == pytest.approx([0, 4 / 3, 4 / 3 - 1.96 * sd, 4 / 3 + 1.96 * sd])
    points = axes.lines[4].get_xydata()
    np.testing.assert_allclose(points, [[1.5, 1], [10, 0], [21.5, 3]])


def test_figures_without_data_are_none(tmp_path):
    pd.DataFrame({"subject": ["1"], "dsc": [0.5]}).to_csv(tmp_path / "a.csv", index=False)
    runs = load_runs([tmp_path / "a.csv"])
    assert bland_altman(runs, "file") is None
    assert detection_curves(runs, pd.DataFrame()) is None
    assert gallery_rows(runs, "file") == []


def test_an_svg_takes_the_colours_of_its_page():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], color="#0072B2")
    axes.set_title("Dice", color="#1b1f24")
    svg = embed_svg(render_svg(figure, "one"), "one")
    assert svg.startswith("<svg") and "<metadata" not in svg and "DOCTYPE" not in svg
    assert "var(--blue)" in svg and "var(--ink)" in svg and ">Dice</text>" in svg
    assert 'id="one-figure_1"' in svg
    assert render_svg(figure, "one") == render_svg(figure, "one")


@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_the_patients_right_is_on_the_left_whatever_the_file_order(tmp_path, flips):
    # World RAS: x grows to the patient's left-to-right, so a lesion at high x is on the right.
    x, y = np.meshgrid(np.arange(10), np.arange(12), indexing="ij")
    world_x = x if flips[0] > 0 else 9 - x
    world_y = y if flips[1] > 0 else 11 - y
    lesion = ((world_x >= 7) & (world_y >= 9))[..., None] * np.ones(3)
    affine = np.diag([flips[0] * 1.0, flips[1] * 2.0, 3.0, 1.0])
    path = volume(tmp_path, "r", lesion, affine)
    head = volume(tmp_path, "head", np.ones(lesion.shape), affine)
    piece = load_slice(GalleryRow("t", path, {"p": path}, head))
    rows, columns = np.nonzero(piece.reference)
    assert columns.max() < piece.reference.shape[1] / 2, "right of the patient, left of the page"
    assert rows.min() > piece.reference.shape[0] / 2, "anterior up"
    assert piece.aspect == 2


def test_the_slice_with_most_lesion_is_shown(tmp_path):
    lesion = np.zeros((12, 12, 5))
    lesion[4:6, 4:6, 1] = 1
    lesion[3:8, 3:8, 3] = 1
    lesion[:, :, 4] = 2  # Other pathology is no lesion.
    path = volume(tmp_path, "r", lesion)
    assert load_slice(GalleryRow("t", path, {"p": path})).reference.sum() == 25


def test_an_empty_reference_shows_the_false_alarm(tmp_path):
    lesion = np.zeros((12, 12, 5))
    found = lesion.copy()
    found[2:5, 2:5, 2] = 1
    row = GalleryRow("t", volume(tmp_path, "r", lesion), {"p": volume(tmp_path, "p", found)})
    assert load_slice(row).predictions["p"].sum() == 9
    nothing = volume(tmp_path, "n", lesion)
    assert isinstance(subject_gallery([GalleryRow("t", nothing, {"p": nothing})]), Figure)


def test_the_gallery_outlines_reference_and_prediction(tmp_path):
    write_images(tmp_path, ["a", "b"])
    rows = [
        GalleryRow(
            title=f"Best: {name}",
            reference=tmp_path / name / "wmh.nii.gz",
            predictions={"GDL": tmp_path / name / "wmh.nii.gz"},
            image=tmp_path / name / "pre/FLAIR.nii.gz",
            notes={"GDL": "DSC 1.000"},
        )
        for name in ("a", "b")
    ]
    figure = subject_gallery(rows)
    plain, outlined = figure.axes[:2]
    assert plain.get_title(loc="left") == "Best: a\nFLAIR"
    assert outlined.get_title(loc="left") == "GDL\nDSC 1.000"
    assert not plain.collections
    colours = [to_hex(c) for artist in outlined.collections for c in artist.get_edgecolor()]
    assert {c.upper() for c in colours} == {REFERENCE_COLOUR.upper(), PREDICTION_COLOUR.upper()}
    assert list(gallery_tiles(rows[0])[1]) == ["GDL"]


def test_best_median_and_worst_are_chosen_over_all_methods(make_comparison):
    runs = load_runs([make_comparison(subjects=5, seeds=(0,), with_images=True)])
    best, median, worst = gallery_rows(runs, "best")
    mean = runs.subjects("best").groupby("subject")["dsc"].mean().sort_values()
    assert best.title == f"Best: {mean.index[-1]}"
    assert median.title == f"Median: {mean.index[2]}"
    assert worst.title == f"Worst: {mean.index[0]}"
    assert list(best.predictions) == ["GDL", "GDL + BL", "GDL + ABL"]
    assert best.notes["GDL"].startswith("3D DSC 0.")
    assert best.image is not None and best.image.name == "FLAIR.nii.gz"


def test_a_moved_run_folder_still_finds_its_predictions(tmp_path):
    names = subject_names(3)
    write_images(tmp_path / "images", names)
    run = write_run(tmp_path / "old", "gdl", 0, names, images=tmp_path / "images")
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / run.name
    rows = gallery_rows(load_runs([moved]), "best")
    assert len(rows) == 3
    assert all(path.is_relative_to(moved) for row in rows for path in row.predictions.values())


def test_gallery_errors_name_the_file(tmp_path):
    with pytest.raises(InputError, match="at least one subject"):
        subject_gallery([])
    reference = volume(tmp_path, "r", np.zeros(SHAPE))
    small = volume(tmp_path, "small", np.zeros((4, 4, 4)))
    with pytest.raises(InputError, match=r"small\.nii\.gz has \(4, 4, 4\)"):
        subject_gallery([GalleryRow("t", reference, {"p": small})])
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(reference.read_bytes()[:60])
    with pytest.raises(InputError, match=r"broken\.nii\.gz cannot be unzipped"):
        subject_gallery([GalleryRow("t", broken, {"p": broken})])


def test_a_gallery_that_cannot_be_drawn_does_not_cost_the_report(make_comparison, tmp_path):
    folder = make_comparison(subjects=3, seeds=(0,), gains={"gdl": 0.0}, with_images=True)
    for path in (folder / "gdl-f0-s0/predictions/best").rglob("*.nii.gz"):
        nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), AFFINE), path)
    page = write_report([folder], tmp_path / "out").read_text()
    assert "The subjects cannot be shown:" in page
    assert not (tmp_path / "out/figures/subjects.png").exists()
