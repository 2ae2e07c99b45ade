from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_runs import subject_names, write_run

from medabl.errors import InputError
from medabl.report import analyse, answer, load_runs, write_report


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


def test_unfinished_runs_are_left_out_and_named(tmp_path):
    write_run(tmp_path, "gdl", 0, subject_names(3))
    write_run(tmp_path, "gdl", 1, subject_names(3), status="running")
    write_run(tmp_path, "gdl", 2, subject_names(3), status="failed")
    runs = load_runs([tmp_path])
    assert runs.seeds("gdl") == [0]
    warnings = answer(analyse(runs, replicates=20)).warnings
    assert "1 unfinished run is left out: gdl-f0-s1." in warnings
    assert "1 failed run is left out: gdl-f0-s2." in warnings


def test_a_report_on_nothing_finished_is_refused(tmp_path):
    run = write_run(tmp_path, "gdl", 0, subject_names(3), status="running")
    with pytest.raises(InputError, match=r"None of the 1 runs in .* is finished \(gdl-f0-s0\)"):
        load_runs([tmp_path])
    with pytest.raises(InputError, match=r"gdl-f0-s0 is not finished \(status running\): resume"):
        load_runs([run])


def test_a_fold_that_failed_is_named_where_subjects_lack(tmp_path):
    names = subject_names(6)
    for method, status in (("gdl", "done"), ("gdl_abl", "failed")):
        write_run(tmp_path, method, 0, names[:3], fold=0)
        write_run(tmp_path, method, 0, names[3:], fold=1, status=status)
    with pytest.raises(InputError, match=r"gdl_abl lacks .* left out: gdl_abl-f1-s0\."):
        load_runs([tmp_path])


def test_a_subject_called_na_is_a_subject(tmp_path):
    for name, values in (("a", [0.5, 0.6, 0.7]), ("b", [0.6, 0.7, 0.9])):
        csv(tmp_path / f"{name}.csv", subject=["NA", "null", "007"], dsc=values)
    runs = load_runs([tmp_path / "a.csv", tmp_path / "b.csv"])
    values = runs.values(runs.primary, "file")["b"]
    assert values.index.tolist() == ["007", "NA", "null"]
    assert values.loc["NA", 0] == 0.6
    page = write_report([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "out").read_text()
    assert "3 subjects" in page


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


def settings(**values: object) -> dict[str, object]:
    return {"learning_rate": 0.001, "run_dir": "somewhere", "loss": "$@methods[@method]", **values}


def test_a_sweep_is_grouped_by_what_varies(tmp_path):
    names = subject_names(4)
    for alpha_end in (0.01, 0.5):
        for seed in (0, 1):
            name = f"{alpha_end}-{seed}"
            own = settings(alpha_end=alpha_end, run_dir=name, network={"width": 8})
            write_run(tmp_path, "gdl_abl", seed, names, name=name, settings=own)
        write_run(tmp_path, "gdl", int(alpha_end * 2), names, settings=settings(alpha_end=0.01))
    runs = load_runs([tmp_path])
    assert list(runs.methods.values()) == [
        "GDL",
        "GDL + ABL, alpha_end=0.01",
        "GDL + ABL, alpha_end=0.5",
    ]
    assert [runs.seeds(method) for method in runs.methods] == [[0, 1]] * 3


def test_a_setting_within_a_component_varies_too(tmp_path):
    for width in (8, 16):
        own = settings(network={"_target_": "Net", "width": width, "in": "$len(@modalities)"})
        write_run(tmp_path, "gdl", 0, subject_names(3), name=f"w{width}", settings=own)
    labels = list(load_runs([tmp_path]).methods.values())
    assert labels == ["GDL, width=16", "GDL, width=8"]


def test_what_a_config_says_of_other_methods_makes_no_group(tmp_path):
    for seed in (0, 1):
        own = settings(methods={"gdl": {"label": "GDL"}, "mine": {"weight": seed}})
        write_run(tmp_path, "gdl", seed, subject_names(3), settings=own)
    assert list(load_runs([tmp_path]).methods) == ["gdl"]


def test_two_methods_with_one_label_are_told_apart(tmp_path):
    for method in ("mine", "theirs"):
        write_run(tmp_path, method, 0, subject_names(3), described={"label": "Net"})
    assert list(load_runs([tmp_path]).methods.values()) == ["Net (mine)", "Net (theirs)"]
