import errno
import math
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nifti_files import AFFINE, Deadly, lesions, oblique, write
from scipy.ndimage import binary_dilation

from medabl.errors import InputError
from medabl.evaluation import (
    Case,
    check_output,
    evaluate_cases,
    evaluate_paths,
    read_evaluation,
    write_evaluation,
)
from medabl.metrics import lesion_table, slice_metrics, volume_metrics, wmh_challenge_metrics
from medabl.task import Task

COLUMNS = [
    "subject",
    "site",
    "prediction",
    "reference",
    "image",
    "dsc",
    "hd_mm",
    "hd95_mm",
    "assd_mm",
    "surface_dice_1mm",
    "surface_dice_3mm",
    "challenge_dsc",
    "challenge_h95_mm",
    "challenge_avd_percent",
    "challenge_recall",
    "challenge_f1",
    "slice_dsc",
    "slice_hd_rows",
    "reference_ml",
    "prediction_ml",
]


def cohort(root, subjects=("Utrecht/0", "Utrecht/2", "Amsterdam/GE3T/100")):
    """References with some other pathology, and predictions that are somewhat wrong."""
    for seed, subject in enumerate(subjects):
        labels = lesions(seed)
        labels[4:6, 4:6, 1] = 2
        write(root / "ref" / subject / "wmh.nii.gz", labels.astype(np.float32), oblique())
        pred = lesions(seed) & (np.random.default_rng(9 + seed).random(labels.shape) < 0.8)
        name = subject.replace("/", "_") + ".nii.gz"
        write(root / "pred" / name, pred.astype(np.uint8), oblique())
    return root / "pred", root / "ref"


def test_every_column_is_its_metric(tmp_path):
    pred, ref = cohort(tmp_path)
    evaluation = evaluate_paths(pred, ref, progress=False)
    assert list(evaluation.subjects) == COLUMNS
    assert list(evaluation.subjects["site"]) == ["Amsterdam/GE3T", "Utrecht", "Utrecht"]
    assert evaluation.skipped.empty
    for _, row in evaluation.subjects.iterrows():
        files = (nib.load(row[column]) for column in ("prediction", "reference"))
        p, r = (np.asarray(nib.as_closest_canonical(file).dataobj) for file in files)
        spacing = nib.as_closest_canonical(nib.load(row["reference"])).header.get_zooms()
        surface = volume_metrics(p == 1, r == 1, spacing)
        challenge = wmh_challenge_metrics(p, r, spacing)
        slices = slice_metrics(np.moveaxis(p, 2, 0) == 1, np.moveaxis(r, 2, 0) == 1)
        want = [
            *(surface[k] for k in ("dsc", "hd", "hd95", "assd")),
            surface["surface_dice_1mm"],
            surface["surface_dice_3mm"],
            *challenge.values(),
            slices["dsc"].mean(),
            slices["hd"].mean(),
            (r == 1).sum() * 0.9 * 1.1 * 2.5 / 1000,
            (p == 1).sum() * 0.9 * 1.1 * 2.5 / 1000,
        ]
        assert row[COLUMNS[5:]].tolist() == pytest.approx(want, rel=1e-6)
        found = evaluation.lesions[evaluation.lesions["subject"] == row["subject"]]
        table = lesion_table(p, r, spacing)
        assert found["detected"].tolist() == [t["detected"] for t in table]
        assert found["volume_mm3"].tolist() == pytest.approx([t["volume_mm3"] for t in table])
    assert list(evaluation.lesions) == ["subject", "site", "volume_mm3", "detected"]


@pytest.mark.parametrize(
    ("protocol", "columns", "has_lesions"),
    [
        ("surface", COLUMNS[5:11], False),
        ("challenge", COLUMNS[11:16], True),
        ("slices", COLUMNS[16:18], False),
    ],
)
def test_protocols_are_parts_of_the_whole(tmp_path, protocol, columns, has_lesions):
    pred, ref = cohort(tmp_path, ["a"])
    whole = evaluate_paths(pred, ref, progress=False).subjects
    part = evaluate_paths(pred, ref, protocol=protocol, progress=False)
    assert list(part.subjects) == COLUMNS[:5] + columns + COLUMNS[18:]
    assert part.subjects.equals(whole[part.subjects.columns])
    assert bool(len(part.lesions)) == has_lesions


def test_every_column_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [column for column in COLUMNS[5:] if f"`{column}`" not in text] == []


@pytest.mark.slow
def test_workers_change_nothing(tmp_path, monkeypatch):
    pred, ref = cohort(tmp_path)
    write(pred / "Utrecht_2.nii.gz", np.full((12, 11, 5), 7, np.uint8), oblique())
    one, two = (
        evaluate_paths(pred, ref, workers=n, keep_going=True, progress=False) for n in (1, 2)
    )
    assert len(one.subjects) == 2 and len(one.skipped) == 1
    assert one.subjects.equals(two.subjects)
    assert one.lesions.equals(two.lesions)
    assert one.skipped.equals(two.skipped)
    monkeypatch.setattr("medabl.evaluation.evaluate._WORTH_A_POOL_SECONDS", 0)
    write(pred / "Amsterdam_GE3T_100.nii.gz", lesions(), AFFINE)
    write(pred / "Utrecht_2.nii.gz", lesions(), oblique())
    every = evaluate_paths(pred, ref, keep_going=True, progress=False)
    assert every.subjects["subject"].tolist() == ["Utrecht/0", "Utrecht/2"]
    assert every.skipped["subject"].tolist() == ["Amsterdam/GE3T/100"]


def test_a_dying_worker_is_explained(tmp_path):
    pred, ref = cohort(tmp_path, ["a"])
    fine = Case("a", "", pred / "a.nii.gz", ref / "a" / "wmh.nii.gz")
    with pytest.raises(RuntimeError, match="a worker process died: for lack of memory, or"):
        evaluate_cases([fine, Case("b", "", Deadly(), Deadly())], workers=2, progress=False)


def test_label_two_is_no_lesion_in_a_prediction(tmp_path):
    labels = lesions()
    labels[5, 5, :] = 2
    write(tmp_path / "ref" / "a.nii.gz", (labels == 1).astype(np.uint8))
    write(tmp_path / "pred" / "a.nii.gz", labels)
    row = evaluate_paths(tmp_path / "pred", tmp_path / "ref", progress=False).subjects.iloc[0]
    assert row["dsc"] == row["challenge_dsc"] == row["slice_dsc"] == 1


def test_other_grids_are_refused_or_resampled(tmp_path):
    ref = write(tmp_path / "ref.nii.gz", lesions(), oblique())
    flipped = oblique()
    flipped[:3, 3] += flipped[:3, 0] * 11
    flipped[:3, 0] *= -1
    shifted = oblique()
    shifted[:3, 3] += flipped[:3, 1]
    larger = np.pad(lesions(), ((2, 1), (0, 0), (0, 4)))
    moved = oblique()
    moved[:3, 3] -= 2 * moved[:3, 0]
    fine = oblique()
    fine[:3, :3] /= 3
    fine[:3, 3] -= fine[:3, :3] @ [1, 1, 1]
    centre = lesions().repeat(3, 0).repeat(3, 1).repeat(3, 2)
    for name, data, affine, dsc in (
        ("flipped", lesions()[::-1], flipped, 1),
        ("larger", larger, moved, 1),
        ("fine", centre, fine, 1),
        ("shifted", lesions(), shifted, None),
    ):
        pred = write(tmp_path / f"{name}.nii.gz", data, affine)
        if name == "flipped":
            assert evaluate_paths(pred, ref, progress=False).subjects["dsc"].item() == 1
        else:
            with pytest.raises(InputError, match=f"{name}.nii.gz .*ref.nii.gz.* resample"):
                evaluate_paths(pred, ref, progress=False)
        row = evaluate_paths(pred, ref, resample=True, progress=False).subjects.iloc[0]
        if dsc is None:
            overlap = (lesions()[:, 1:] & lesions()[:, :-1]).sum()
            dsc = 2 * overlap / (2 * lesions().sum())
        assert row["dsc"] == pytest.approx(dsc)


def test_headers_rounded_to_float32_are_one_grid(tmp_path):
    ref = write(tmp_path / "ref.nii.gz", lesions(), oblique())
    pred = write(tmp_path / "pred.nii.gz", lesions(), oblique() + 1e-4)
    assert evaluate_paths(pred, ref, progress=False).subjects["dsc"].item() == 1


def test_resampling_something_from_elsewhere_is_refused(tmp_path):
    ref = write(tmp_path / "ref.nii.gz", lesions())
    far = AFFINE.copy()
    far[0, 3] = 1000
    pred = write(tmp_path / "pred.nii.gz", lesions(), far)
    with pytest.raises(InputError, match=r"pred.nii.gz has no foreground inside .*ref.nii.gz"):
        evaluate_paths(pred, ref, resample=True, progress=False)
    nothing = write(tmp_path / "nothing.nii.gz", 0 * lesions(), far)
    row = evaluate_paths(nothing, ref, resample=True, progress=False).subjects.iloc[0]
    assert row["dsc"] == 0 and math.isnan(row["hd_mm"])


def test_a_bad_folder_stops_or_is_listed(tmp_path):
    pred, ref = cohort(tmp_path, ["a", "b", "c", "d"])
    write(pred / "b.nii.gz", np.random.default_rng(0).random((12, 11, 5)), oblique())
    (pred / "b.nii.gz").write_bytes((pred / "b.nii.gz").read_bytes()[:-900])
    (pred / "c.nii.gz").unlink()
    write(pred / "e.nii.gz", lesions())
    with pytest.raises(InputError, match=r"c/wmh.nii.gz has no prediction.*\(and 1 more like it\)"):
        evaluate_paths(pred, ref, progress=False)

    evaluation = evaluate_paths(pred, ref, keep_going=True, progress=False)
    assert evaluation.subjects["subject"].tolist() == ["a", "d"]
    reasons = dict(zip(evaluation.skipped["subject"], evaluation.skipped["reason"], strict=True))
    assert list(reasons) == ["c", "e", "b"]
    assert "has no prediction" in reasons["c"]
    assert "has no reference" in reasons["e"]
    assert "b.nii.gz" in reasons["b"] and "damaged" in reasons["b"]

    (pred / "c.nii.gz").symlink_to(pred / "d.nii.gz")
    (pred / "e.nii.gz").unlink()
    with pytest.raises(InputError, match=r"b.nii.gz"):
        evaluate_paths(pred, ref, progress=False)


def test_nothing_left_is_an_error(tmp_path):
    pred, ref = cohort(tmp_path, ["a"])
    (pred / "a.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"nothing could be evaluated: .*a.nii.gz"):
        evaluate_paths(pred, ref, keep_going=True, progress=False)
    with pytest.raises(InputError, match="no cases were given"):
        evaluate_cases([])


def test_unknown_arguments_are_refused(tmp_path):
    pred, ref = cohort(tmp_path, ["a"])
    with pytest.raises(InputError, match="protocol must be one of all, challenge"):
        evaluate_paths(pred, ref, protocol="volume", progress=False)
    with pytest.raises(InputError, match="workers must be at least 1"):
        evaluate_paths(pred, ref, workers=0, progress=False)


def test_cases_given_one_by_one_keep_their_order(tmp_path):
    pred, ref = cohort(tmp_path, ["b", "a"])
    cases = [
        Case(s, "here", pred / f"{s}.nii.gz", ref / s / "wmh.nii.gz", ref / "x.nii.gz")
        for s in ("b", "a")
    ]
    subjects = evaluate_cases(cases, progress=True).subjects
    assert subjects["subject"].tolist() == ["b", "a"]
    assert subjects["image"].tolist() == [str(ref / "x.nii.gz")] * 2


def test_written_and_read_back(tmp_path):
    pred, ref = cohort(tmp_path)
    write(pred / "Utrecht_2.nii.gz", 0 * lesions(), oblique())
    (pred / "Utrecht_0.nii.gz").unlink()
    evaluation = evaluate_paths(pred, ref, keep_going=True, progress=False)
    write_evaluation(evaluation, tmp_path / "out" / "best.csv")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"best.csv", "best_lesions.csv", "best_summary.csv"}
    lines = (tmp_path / "out" / "best.csv").read_text().splitlines()
    assert lines[0] == ",".join([*COLUMNS, "skipped"])
    assert lines[-1].startswith("Utrecht/0,") and "has no prediction" in lines[-1]

    again = read_evaluation(tmp_path / "out" / "best.csv")
    for name in ("subjects", "lesions", "skipped"):
        before, after = getattr(evaluation, name), getattr(again, name)
        pd.testing.assert_frame_equal(before, after, check_dtype=False)


def test_nothing_skipped_leaves_no_column(tmp_path):
    pred, ref = cohort(tmp_path, ["007"])
    evaluation = evaluate_paths(pred, ref, progress=False)
    write_evaluation(evaluation, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    again = read_evaluation(tmp_path / "x.csv")
    assert again.subjects["subject"].tolist() == ["007"]
    assert again.subjects["site"].tolist() == again.subjects["image"].tolist() == [""]
    assert again.skipped.empty


def test_tables_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"x.txt must end in .csv"):
        write_evaluation(evaluate_paths(*cohort(tmp_path, ["a"]), progress=False), "x.txt")
    with pytest.raises(InputError, match=r"none.csv cannot be read"):
        read_evaluation(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'subject'"):
        read_evaluation(tmp_path / "other.csv")


def test_identical_and_dilated_masks_on_files(tmp_path):
    mask = np.zeros((9, 9, 4), np.uint8)
    mask[4, 4, 2] = 1
    ref = write(tmp_path / "ref.nii.gz", mask)
    pred = write(tmp_path / "pred.nii.gz", binary_dilation(mask).astype(np.float32))
    row = evaluate_paths(pred, ref, progress=False).subjects.iloc[0]
    assert row["dsc"] == pytest.approx(2 / 8)
    assert row["hd_mm"] == 3
    assert row["challenge_avd_percent"] == 600
    assert row["reference_ml"] == pytest.approx(0.003)
    assert row["prediction_ml"] == pytest.approx(0.021)


def test_a_subject_called_na_comes_back(tmp_path):
    pred, ref = cohort(tmp_path, ["NA", "null/nan"])
    write(pred / "null_nan.nii.gz", 0 * lesions(), oblique())
    evaluation = evaluate_paths(pred, ref, progress=False)
    write_evaluation(evaluation, tmp_path / "x.csv")
    again = read_evaluation(tmp_path / "x.csv")
    assert again.subjects["subject"].tolist() == ["NA", "null/nan"]
    assert again.subjects["site"].tolist() == ["", "null"]
    assert math.isnan(again.subjects["hd_mm"][1])
    assert set(again.lesions["subject"]) == {"NA", "null/nan"}


def test_an_output_that_cannot_be_written_is_refused_before(tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "x_lesions.csv").mkdir()
    (tmp_path / "y.csv").mkdir()
    for out, reason in {
        "x.txt": "must end in .csv",
        "file/x.csv": "cannot be written: .*file: Not a directory",
        "file/deeper/x.csv": "cannot be written: .*file: Not a directory",
        "x.csv": "x_lesions.csv is a folder",
        "y.csv": "y.csv is a folder",
    }.items():
        with pytest.raises(InputError, match=reason):
            check_output(tmp_path / out)
    check_output(tmp_path / "new" / "folder" / "x.csv")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="closed: Permission denied"):
        check_output(tmp_path / "closed" / "x.csv")


def test_a_disk_that_fills_while_writing_is_one_sentence(tmp_path, monkeypatch):
    evaluation = evaluate_paths(*cohort(tmp_path, ["a"]), progress=False)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(InputError, match=r"x.csv cannot be written: No space left on device\.$"):
        write_evaluation(evaluation, tmp_path / "x.csv")
    assert not list(tmp_path.glob("*x.csv"))


@pytest.mark.slow
def test_a_long_temporary_folder_does_not_stop_the_workers(tmp_path):
    """The names of sockets, which worker processes are started by, are short."""
    pred, ref = cohort(tmp_path, ["a", "b"])
    long = tmp_path / ("x" * 110)
    long.mkdir()
    program = (
        "import sys; from medabl.evaluation import evaluate_paths\n"
        "e = evaluate_paths(*sys.argv[1:], workers=2, protocol='slices', progress=False)\n"
        "print(*e.subjects['subject'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(pred), str(ref)],
        env={**os.environ, "TMPDIR": str(long)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["a", "b"], done.stderr


def test_slices_can_be_taken_along_another_axis(tmp_path):
    pred, ref = cohort(tmp_path, ["a"])
    row = evaluate_paths(pred, ref, slice_axis="sagittal", progress=False).subjects.iloc[0]
    files = (nib.load(row[column]) for column in ("prediction", "reference"))
    p, r = (np.asarray(nib.as_closest_canonical(file).dataobj) for file in files)
    slices = slice_metrics(p == 1, r == 1)  # S x H x W: along X
    assert row["slice_dsc"] == pytest.approx(slices["dsc"].mean())
    assert row["slice_hd_rows"] == pytest.approx(slices["hd"].mean())
    other = evaluate_paths(pred, ref, progress=False).subjects.iloc[0]
    assert row["slice_dsc"] != other["slice_dsc"]
    for column in ("dsc", "hd95_mm", "challenge_f1", "reference_ml"):
        assert row[column] == pytest.approx(other[column])


BRAIN = Task(
    name="brain",
    classes=["background", "grey", "white", "csf"],
    labels={0: "background", 10: "grey", 20: "white", 30: "csf", 99: "skull"},
    evaluated=["white", "grey"],
    spatial_dims=3,
)


def brain(root):
    """Labels of three classes and of none; csf, which is not evaluated, is predicted badly."""
    rng = np.random.default_rng(4)
    ref = rng.choice(np.array([0, 10, 20, 30, 99], np.uint8), size=(8, 7, 5))
    pred = np.where(rng.random(ref.shape) < 0.7, ref, 30).astype(np.uint8)
    return write(root / "p.nii.gz", pred), write(root / "r.nii.gz", ref), pred, ref


def test_several_classes_have_a_column_each_and_their_mean(tmp_path):
    pred_path, ref_path, pred, ref = brain(tmp_path)
    evaluation = evaluate_paths(pred_path, ref_path, task=BRAIN, progress=False)
    row = evaluation.subjects.iloc[0]
    names = [*COLUMNS[5:11], *COLUMNS[16:]]
    assert list(evaluation.subjects)[5:] == [
        column for name in names for column in (name, f"{name}_white", f"{name}_grey")
    ]
    for name, label in (("grey", 10), ("white", 20)):
        surface = volume_metrics(pred == label, ref == label, (1, 1, 3))
        slices = slice_metrics(np.moveaxis(pred, 2, 0) == label, np.moveaxis(ref, 2, 0) == label)
        assert row[f"dsc_{name}"] == pytest.approx(surface["dsc"])
        assert row[f"hd95_mm_{name}"] == pytest.approx(surface["hd95"])
        assert row[f"slice_dsc_{name}"] == pytest.approx(slices["dsc"].mean())
        assert row[f"reference_ml_{name}"] == pytest.approx((ref == label).sum() * 0.003)
    for column in names:
        both = row[[f"{column}_white", f"{column}_grey"]]
        assert row[column] == pytest.approx(both.mean())
    assert evaluation.lesions.empty
    write_evaluation(evaluation, tmp_path / "x.csv")
    again = read_evaluation(tmp_path / "x.csv").subjects
    assert list(again) == list(evaluation.subjects)


def test_a_class_without_a_value_is_left_out_of_the_mean(tmp_path):
    pred_path, ref_path, pred, ref = brain(tmp_path)
    for path, data in ((pred_path, pred), (ref_path, ref)):
        write(path, np.where(data == 20, 0, data).astype(np.uint8))
    row = evaluate_paths(pred_path, ref_path, task=BRAIN, progress=False).subjects.iloc[0]
    assert math.isnan(row["dsc_white"]) and math.isnan(row["hd_mm_white"])
    assert row["dsc"] == row["dsc_grey"] and row["hd_mm"] == row["hd_mm_grey"]


def test_one_evaluated_class_of_several_has_todays_columns(tmp_path):
    """Whatever value stands for it, and labels of no class are cut out as the challenge does."""
    task = Task(
        name="tumour",
        classes=["background", "organ", "tumour"],
        labels={0: "background", 5: "organ", 7: "tumour", 9: "artefact"},
        evaluated=["tumour"],
    )
    rng = np.random.default_rng(5)
    ref = rng.choice(np.array([0, 1, 2, 3]), size=(12, 11, 5), p=[0.6, 0.1, 0.2, 0.1])
    pred = np.where(rng.random(ref.shape) < 0.8, ref, 2)
    files = {}
    for name, data in (("p", pred), ("r", ref)):
        files[name] = write(tmp_path / f"{name}.nii", np.array([0, 5, 7, 9], np.uint8)[data])
        as_wmh = np.array([0, 0, 1, 2], np.uint8)[data]
        files[f"{name}_wmh"] = write(tmp_path / f"{name}_wmh.nii", as_wmh)
    evaluation = evaluate_paths(files["p"], files["r"], task=task, progress=False)
    expected = evaluate_paths(files["p_wmh"], files["r_wmh"], progress=False)
    assert list(evaluation.subjects) == COLUMNS
    assert evaluation.subjects[COLUMNS[5:]].equals(expected.subjects[COLUMNS[5:]])
    assert evaluation.lesions["volume_mm3"].equals(expected.lesions["volume_mm3"])
    probability = write(tmp_path / "p_map.nii", np.where(pred == 2, 0.8, 0.1).astype(np.float32))
    row = evaluate_paths(probability, files["r"], task=task, progress=False).subjects.iloc[0]
    assert row["dsc"] == evaluation.subjects["dsc"].item()


def test_what_several_classes_do_not_have_is_refused(tmp_path):
    pred_path, ref_path, *_ = brain(tmp_path)
    with pytest.raises(
        InputError, match="are for one class, but the task 'brain' evaluates white, gr"
    ):
        evaluate_paths(pred_path, ref_path, task=BRAIN, protocol="challenge", progress=False)
    write(pred_path, np.full((8, 7, 5), 0.4))
    with pytest.raises(InputError, match=r"p.nii.gz holds 0.4 where .* 10 \(grey\)"):
        evaluate_paths(pred_path, ref_path, task=BRAIN, progress=False)
    with pytest.raises(InputError, match="slice_axis must be one of"):
        evaluate_paths(pred_path, ref_path, task=BRAIN, slice_axis="z", progress=False)


def test_several_classes_are_resampled(tmp_path):
    pred_path, ref_path, _, ref = brain(tmp_path)
    fine = AFFINE.copy()
    fine[:3, :3] /= 3
    fine[:3, 3] -= fine[:3, :3] @ [1, 1, 1]
    write(pred_path, ref.repeat(3, 0).repeat(3, 1).repeat(3, 2), fine)
    row = evaluate_paths(
        pred_path, ref_path, task=BRAIN, resample=True, progress=False
    ).subjects.iloc[0]
    assert row["dsc_white"] == row["dsc_grey"] == 1
