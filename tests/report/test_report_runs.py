from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_runs import subject_names, write_run

from medabl.errors import InputError
from medabl.report import load_runs


def csv(path: Path, **columns: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_a_folder_is_searched_and_rows_carry_their_origin(make_comparison):
    runs = load_runs([make_comparison(subjects=4, seeds=(0, 5))])
    assert runs.methods == {"gdl": "GDL", "gdl_bl": "GDL + BL", "gdl_abl": "GDL + ABL"}
    assert runs.checkpoints == ("best", "last")
    assert runs.seeds("gdl_bl") == [0, 5]
    tidy = runs.subjects("last")
    assert len(tidy) == 3 * 2 * 4
    assert set(tidy["run"]) == {f"{m}-f0-s{s}" for m in runs.methods for s in (0, 5)}
    assert len(runs.lesions("best")) == 3 * 2 * 4 * 14


def test_values_have_subjects_as_rows_and_seeds_as_columns(make_comparison):
    folder = make_comparison(subjects=4, seeds=(0, 1))
    runs = load_runs([folder])
    wide = runs.values(runs.primary, "best")["gdl"]
    assert list(wide.columns) == [0, 1]
    written = pd.read_csv(folder / "gdl-f0-s1/evaluation/best.csv").set_index("subject")["dsc"]
    for subject in wide.index:
        assert wide.loc[subject, 1] == pytest.approx(written[subject])


def test_infinite_values_count_as_missing(tmp_path):
    path = csv(tmp_path / "a.csv", subject=["1", "2"], dsc=[0.5, 0.6], hd_mm=[3.0, np.inf])
    runs = load_runs([path])
    (metric,) = [m for m in runs.metrics if m.column == "hd_mm"]
    assert runs.values(metric, "file")["a"].loc["2"].isna().all()


def test_csvs_are_methods_named_after_their_files(tmp_path):
    first = csv(tmp_path / "x/ours.csv", subject=["1", "2"], dsc=[0.5, 0.6])
    second = csv(tmp_path / "y/ours.csv", subject=["2", "1"], dsc=[0.7, 0.8])
    runs = load_runs([first, second])
    assert list(runs.methods) == ["x/ours", "y/ours"]
    assert runs.checkpoints == ("file",)
    values = runs.values(runs.primary, "file")
    assert values["x/ours"][0].tolist() == [0.5, 0.6]
    assert values["y/ours"][0].tolist() == [0.8, 0.7]


def test_a_csv_within_a_run_folder_is_that_run(tmp_path):
    run = write_run(tmp_path, "gdl", 3, subject_names(3))
    runs = load_runs([run / "evaluation/last.csv"])
    assert runs.checkpoints == ("last",)
    assert runs.runs[0].seed == 3
    both = load_runs([run / "evaluation/last.csv", run])
    assert len(both.runs) == 1 and both.checkpoints == ("best", "last")


def test_folds_together_hold_all_subjects(tmp_path):
    names = subject_names(6)
    for method in ("gdl", "gdl_abl"):
        write_run(tmp_path, method, 0, names[:3], fold=0)
        write_run(tmp_path, method, 0, names[3:], fold=1)
    runs = load_runs([tmp_path])
    assert runs.values(runs.primary, "best")["gdl"].shape == (6, 1)


def test_metrics_that_only_some_hold_are_not_compared_but_named(tmp_path):
    one = csv(tmp_path / "a.csv", subject=["1"], dsc=[0.5], hd95_mm=[2.0])
    two = csv(tmp_path / "b.csv", subject=["1"], dsc=[0.5])
    runs = load_runs([one, two])
    assert [m.column for m in runs.metrics] == ["dsc"]
    assert [m.column for m in runs.partial_metrics] == ["hd95_mm"]


def test_what_an_evaluation_skipped_is_kept_apart(tmp_path):
    path = csv(
        tmp_path / "a.csv",
        subject=["1", "2"],
        prediction=["1.nii.gz", "2.nii.gz"],
        dsc=[0.5, np.nan],
        skipped=[None, "2.nii.gz is cut short."],
    )
    runs = load_runs([path])
    assert runs.subjects("file")["subject"].tolist() == ["1"]
    assert runs.skipped("file")["reason"].tolist() == ["2.nii.gz is cut short."]


def test_one_method_under_two_labels_is_two_methods(tmp_path):
    for seed, label in enumerate(("GDL, alpha 0.01", "GDL, alpha 0.5")):
        run = write_run(tmp_path, "gdl", seed, subject_names(3))
        described = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(described | {"label": label, "seed": 0}))
    assert list(load_runs([tmp_path]).methods) == ["GDL, alpha 0.01", "GDL, alpha 0.5"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: [], "Nothing to report on"),
        (lambda d: [d], "No run.json in"),
        (lambda d: [d / "nowhere"], "does not exist"),
        (lambda d: [write_text(d / "a.txt", "x")], "neither a folder nor a CSV"),
        (lambda d: [write_text(d / "a.csv", "")], "a.csv cannot be read as a CSV"),
        (lambda d: [csv(d / "a.csv", dsc=[0.5])], "has no column 'subject'"),
        (lambda d: [csv(d / "a.csv", subject=["1"], age=[5])], "no column with a metric"),
        (lambda d: [csv(d / "a.csv", subject=["1", "1"], dsc=[0.5, 0.6])], "subject 1 twice"),
        (lambda d: [csv(d / "a.csv", subject=["1"], dsc=["good"])], "'good', which is no number"),
        (lambda d: [csv(d / "a.csv", subject=["1"], dsc=[np.nan])], "no value in any metric"),
        (lambda d: [csv(d / "a.csv", subject=[], dsc=[])], "lists no subject"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, spoil, message):
    with pytest.raises(InputError, match=message):
        load_runs(spoil(tmp_path))


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_different_subjects_are_named(tmp_path):
    write_run(tmp_path, "gdl", 0, subject_names(5))
    write_run(tmp_path, "gdl_abl", 0, subject_names(3))
    with pytest.raises(InputError, match=r"gdl_abl lacks Singapore/4, Utrecht/3"):
        load_runs([tmp_path])


def test_unfinished_runs_are_named(tmp_path):
    write_run(tmp_path, "gdl", 0, subject_names(3))
    write_run(tmp_path, "gdl", 1, subject_names(3), status="running")
    write_run(tmp_path, "gdl_bl", 0, subject_names(3), status="running")
    with pytest.raises(InputError, match=r"2 of 3 runs .* \(gdl-f0-s1, gdl_bl-f0-s0\): resume"):
        load_runs([tmp_path])


def test_a_run_without_evaluation_is_named(tmp_path):
    run = write_run(tmp_path, "gdl", 0, subject_names(3))
    for checkpoint in ("best", "last"):
        (run / f"evaluation/{checkpoint}.csv").unlink()
    with pytest.raises(InputError, match=r"gdl-f0-s0 has no evaluation/best\.csv"):
        load_runs([run])


def test_the_same_run_twice_under_two_names_is_refused(tmp_path):
    write_run(tmp_path / "a", "gdl", 0, subject_names(3))
    write_run(tmp_path / "b", "gdl", 0, subject_names(3))
    with pytest.raises(InputError, match="both method gdl, seed 0, fold 0"):
        load_runs([tmp_path])


def test_overlapping_folds_are_refused(tmp_path):
    write_run(tmp_path, "gdl", 0, subject_names(3), fold=0)
    write_run(tmp_path, "gdl", 0, subject_names(2), fold=1)
    with pytest.raises(InputError, match="evaluated in two folds of gdl"):
        load_runs([tmp_path])


def test_broken_run_files_are_named(tmp_path):
    run = write_run(tmp_path, "gdl", 0, subject_names(3))
    (run / "epochs.csv").write_text("epoch,seconds\n1,2\n")
    with pytest.raises(InputError, match=r"epochs\.csv lacks the column train_loss, val_slice_dsc"):
        load_runs([run])
    (run / "evaluation/best_lesions.csv").write_text("subject\n1\n")
    with pytest.raises(InputError, match=r"best_lesions\.csv lacks the column volume_mm3"):
        load_runs([run])
    (run / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json cannot be read as JSON"):
        load_runs([run])
    (run / "run.json").write_text("[]")
    with pytest.raises(InputError, match="must hold a JSON object"):
        load_runs([run])
