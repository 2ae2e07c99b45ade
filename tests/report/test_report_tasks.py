"""Other tasks than lesions: several classes, another key metric, a test set."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from report_page import Page
from synthetic_runs import AFFINE, TISSUES, subject_names, write_run, write_tissue_run

from medabl.errors import InputError
from medabl.report import (
    GalleryRow,
    analyse,
    answer,
    load_runs,
    subject_gallery,
    training_curves,
    write_report,
)
from medabl.report.boundary_evolution import write_boundary_evolution
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR

NAMES = subject_names(8)


@pytest.fixture
def tissues(tmp_path: Path) -> Path:
    for method, gain in (("ce", 0.0), ("dice_ce", 0.06)):
        for seed in (0, 1):
            write_tissue_run(tmp_path / "runs", method, seed, NAMES, gain)
    return tmp_path / "runs"


def test_a_task_without_lesions_is_reported_without_the_word(tissues, tmp_path):
    out = write_report([tissues], tmp_path / "out").parent
    page = Page((out / "report.html").read_text())
    assert "lesion" not in page.text.lower()
    assert "Foreground volume" in page.text
    assert "mean over grey matter, white matter and csf" in page.text
    for path in out.glob("*.[cmt]*"):
        assert "lesion" not in path.read_text().lower(), path.name
    for path in (out / "figures").glob("*.svg"):
        assert "lesion" not in path.read_text().lower(), path.name


def test_a_run_that_has_the_older_name_of_the_evaluated_classes_is_read(tissues, tmp_path):
    for path in tissues.glob("*/run.json"):
        described = json.loads(path.read_text())
        del described["task"]["evaluated"]
        described["task"]["judged"] = ["white matter", "csf"]
        path.write_text(json.dumps(described))
    page = Page(write_report([tissues], tmp_path / "out").read_text())
    assert "mean over white matter and csf" in page.text


def test_every_class_has_its_own_numbers_and_the_means_decide(tissues, tmp_path):
    out = write_report([tissues], tmp_path / "out").parent
    classes = pd.read_csv(out / "classes.csv").set_index(["class", "method", "epoch"])
    assert list(classes.index.unique("class")) == TISSUES["evaluated"]
    files = [tissues / f"ce-f0-s{seed}/evaluation/best.csv" for seed in (0, 1)]
    means = [pd.read_csv(path)["hd95_mm_csf"].mean() for path in files]
    assert classes.loc[("csf", "ce", "best"), "hd95_mm"] == pytest.approx(np.mean(means), rel=1e-5)
    page = Page((out / "report.html").read_text())
    table = next(table for table in page.tables if table[0][0] == "Class")
    assert len(table) == 1 + 3 * 2 * 2
    assert set(pd.read_csv(out / "tests.csv")["metric"]) == {"dsc", "hd95_mm"}
    assert answer(analyse(load_runs([tissues]), replicates=200)).headline == "Use dice_ce."


def test_a_test_set_is_named_beside_the_headline(tissues, tmp_path):
    found = answer(analyse(load_runs([tissues]), replicates=50))
    assert found.basis == (
        "Best epoch chosen on validation subjects, evaluated on 8 test subjects."
    )
    text = write_report([tissues], tmp_path / "out").read_text()
    top = Page(text[: text.index("<nav")]).text
    assert found.basis in top
    assert found.basis in (tmp_path / "out/answer.md").read_text()
    assert "No test set" not in text and "flatters" not in text


def test_without_a_test_set_the_page_says_that_the_choice_flatters(make_comparison, tmp_path):
    text = write_report([make_comparison(subjects=6, seeds=(0,))], tmp_path / "out").read_text()
    assert (
        "No test set: the best epoch was chosen on the same 6 subjects it is evaluated on" in text
    )


def test_slices_logged_on_validation_subjects_do_not_stand_for_the_test_set(tmp_path):
    run = write_run(tmp_path, "gdl", 0, NAMES, described={"test": True})
    write_report([tmp_path], tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/table.csv")
    row = table[(table["source"] == "medabl") & (table["epoch"] == "best")].iloc[0]
    evaluated = pd.read_csv(run / "evaluation/best.csv")["slice_dsc"].mean()
    assert row["slice_dsc"] == pytest.approx(evaluated, rel=1e-5)


def test_the_key_metric_and_its_direction_choose_the_best_epoch(tissues):
    runs = load_runs([tissues])
    figure = training_curves(runs)
    titles = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert titles == ["Validation hd95", "Training loss", "alpha", "Validation mean dice"]
    epochs = runs.of("ce")[0].epochs
    lowest = epochs.loc[epochs["val_hd95"].idxmin()]
    lines = figure.axes[0].lines
    rings = {tuple(np.ravel(line.get_xydata())) for line in lines if line.get_marker() == "o"}
    assert (lowest["epoch"], lowest["val_hd95"]) in rings


@pytest.mark.parametrize(("end", "collapses"), [(11.0, True), (4.6, False)])
def test_a_collapse_is_seen_in_another_key_metric(tmp_path, end, collapses):
    run = write_tissue_run(tmp_path, "ce", 0, NAMES, 0.0)
    for checkpoint in ("best", "last"):
        path = run / f"evaluation/{checkpoint}.csv"
        frame = pd.read_csv(path)
        frame[["subject", "hd95_mm"]].to_csv(path, index=False)
    epochs = pd.read_csv(run / "epochs.csv")
    epochs.loc[epochs.index[-1], "val_hd95"] = end
    epochs.to_csv(run / "epochs.csv", index=False)
    warnings = answer(analyse(load_runs([run]), replicates=20)).warnings
    said = [text for text in warnings if "collapses in 1 of 1 run" in text]
    assert len(said) == collapses
    assert not collapses or "its validation hd95 rises from 4." in said[0]


def test_a_log_without_the_key_metric_is_named(tmp_path):
    run = write_tissue_run(tmp_path, "ce", 0, NAMES, 0.0)
    epochs = pd.read_csv(run / "epochs.csv")
    epochs.drop(columns="val_hd95").to_csv(run / "epochs.csv", index=False)
    with pytest.raises(InputError, match=r"epochs\.csv lacks the column val_hd95"):
        load_runs([run])


def test_runs_of_different_tasks_are_refused(tmp_path):
    write_tissue_run(tmp_path, "ce", 0, NAMES, 0.0)
    write_run(tmp_path, "gdl", 0, NAMES)
    with pytest.raises(InputError, match="segment different classes"):
        load_runs([tmp_path])


def test_a_task_that_is_none_is_named(tmp_path):
    run = write_run(tmp_path, "gdl", 0, NAMES, described={"task": {"name": "x"}})
    with pytest.raises(InputError, match=r"run\.json: task\.classes: Field required"):
        load_runs([run])


def test_what_a_run_warns_about_stands_in_the_report_once(tmp_path):
    for seed in (0, 1):
        described = {"warnings": ["torch changed from 2.6 to 2.7."]}
        write_run(tmp_path, "gdl", seed, NAMES, described=described)
    warnings = answer(analyse(load_runs([tmp_path]), replicates=20)).warnings
    assert warnings == ("torch changed from 2.6 to 2.7. (gdl-f0-s0, gdl-f0-s1)",)


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(data.astype(np.uint8), affine), path)
    return path


def test_every_evaluated_class_is_outlined(tmp_path):
    labels = np.zeros((20, 20, 3))
    labels[3:7, 3:7, 1], labels[10:16, 10:16, 1], labels[3:7, 12:16, 1] = 1, 2, 3
    path = save(tmp_path / "t1.nii.gz", labels)
    for wanted, contours in (((1, 2, 3), 6), ((2,), 2)):
        row = GalleryRow("s", path, {"ce": path}, path, labels=wanted)
        plain, outlined = subject_gallery([row]).axes[:2]
        assert plain.get_title(loc="left") == "s\nt1"
        assert len(outlined.collections) == contours
        colours = {to_hex(c) for a in outlined.collections for c in a.get_edgecolor()}
        assert colours == {REFERENCE_COLOUR.lower(), PREDICTION_COLOUR.lower()}


@pytest.mark.parametrize("code", ["RAS", "LPS", "PIR", "SLA"])
def test_files_of_one_subject_may_be_stored_in_other_orientations(tmp_path, code):
    rng = np.random.default_rng(0)
    scan = nib.Nifti1Image(rng.integers(0, 200, (12, 14, 6), dtype=np.uint8), AFFINE)
    mask = np.zeros((12, 14, 6), np.uint8)
    mask[2:5, 8:12, 2:4] = 1
    truth = nib.Nifti1Image(mask, AFFINE)
    wanted = nib.orientations.axcodes2ornt(tuple(code))
    files = {}
    for name, volume in (("scan", scan), ("mask", truth)):
        turn = nib.orientations.ornt_transform(nib.io_orientation(AFFINE), wanted)
        nib.save(volume, tmp_path / f"{name}.nii.gz")
        nib.save(volume.as_reoriented(turn), tmp_path / f"{name}-{code}.nii.gz")
        files[name] = tmp_path / f"{name}.nii.gz", tmp_path / f"{name}-{code}.nii.gz"
    pictures = []
    for image, prediction in zip(files["scan"], files["mask"], strict=True):
        row = GalleryRow("s", files["mask"][0], {"p": prediction}, image)
        axes = subject_gallery([row]).axes[1]
        paths = [path.vertices for artist in axes.collections for path in artist.get_paths()]
        pictures.append((axes.images[0].get_array(), paths))
    np.testing.assert_array_equal(pictures[0][0], pictures[1][0])
    for one, other in zip(pictures[0][1], pictures[1][1], strict=True):
        np.testing.assert_allclose(one, other)


def test_the_caption_names_the_scan_that_is_shown(tmp_path):
    for modalities, file, caption in ((["t1"], "T1", "T1"), (["ct"], "case_0000", "ct")):
        folder = tmp_path / file
        run = write_run(folder, "gdl", 0, ["a"], described={"modalities": modalities})
        scan = save(folder / f"{file}.nii.gz", np.pad(np.ones((8, 8, 1)), 2))
        for checkpoint in ("best", "last"):
            path = run / f"evaluation/{checkpoint}.csv"
            named = {"prediction": str(scan), "reference": str(scan), "image": str(scan)}
            pd.read_csv(path).assign(**named).to_csv(path, index=False)
        text = write_report([run], folder / "out").read_text()
        assert f"<figcaption>{caption}</figcaption>" in text
        assert "FLAIR" not in text


def test_the_evolution_of_a_boundary_says_what_it_shows(tmp_path):
    run = write_tissue_run(tmp_path, "ce", 0, NAMES, 0.0)
    assert json.loads((run / "run.json").read_text())["task"]["name"] == "tissues"
    assert write_boundary_evolution([run], tmp_path) is None
    shape = (3, 10, 10)
    np.savez(
        run / "snapshots.npz",
        image=np.ones(shape[1:]),
        label=np.pad(np.ones((4, 4)), 3),
        probability=np.zeros(shape),
        epochs=np.arange(1, 4),
    )
    assert write_boundary_evolution([run], tmp_path) == tmp_path / "boundary_evolution.png"
