from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_runs import subject_names, write_run

from medabl.report import Comparison, analyse, answer, load_runs, verdict
from medabl.report.collapse import find_collapses
from medabl.report.columns import METRICS

LABELS = {"abl": "GDL + ABL", "gdl": "GDL"}
BY_COLUMN = {metric.column: metric for metric in METRICS}


def comparison(column: str = "dsc", **changes: object) -> Comparison:
    fields = {
        "metric": BY_COLUMN[column],
        "checkpoint": "best",
        "method": "abl",
        "reference": "gdl",
        "subjects": 10,
        "dropped": 0,
        "missing": 0,
        "seeds": 3,
        "mean_method": 0.7,
        "mean_reference": 0.688,
        "difference": 0.012,
        "low": -0.004,
        "high": 0.031,
        "rank_biserial": 0.4,
        "rank_biserial_low": -0.2,
        "rank_biserial_high": 0.8,
        "statistic": 15.0,
        "p_value": 0.12,
        "nonzero": 10,
        "p_holm": 0.23,
        "family": 2,
        "detectable": 0.03,
    }
    return Comparison(**(fields | changes))


def test_noise_is_called_noise():
    assert verdict(comparison(), LABELS) == (
        "GDL + ABL has higher 3D DSC than GDL by 0.012 [\N{MINUS SIGN}0.004, 0.031]; this is not "
        "distinguishable from noise with 10 subjects and 3 seeds (Wilcoxon p = 0.23, "
        "Holm-corrected); a difference of 0.030 would be found in four of five cases."
    )


def test_a_clear_difference_is_called_one():
    clear = comparison(low=0.004, p_holm=0.006, family=1, seeds=1)
    assert verdict(clear, LABELS).endswith(
        "by 0.012 [0.004, 0.031]; this is distinguishable from noise with 10 subjects and 1 seed "
        "(Wilcoxon p = 0.006)."
    )


def test_the_better_method_comes_first_with_a_positive_difference():
    worse = comparison(difference=-0.012, low=-0.031, high=0.004)
    assert verdict(worse, LABELS).startswith(
        "GDL has higher 3D DSC than GDL + ABL by 0.012 [\N{MINUS SIGN}0.004, 0.031]"
    )
    shorter = comparison("hd95_mm", difference=-1.5, low=-2.0, high=-1.0, p_holm=0.01)
    assert verdict(shorter, LABELS).startswith(
        "GDL + ABL has lower HD95 than GDL by 1.50 mm [1.00, 2.00]; this is distinguishable"
    )
    longer = comparison("hd95_mm", difference=1.5, low=1.0, high=2.0, p_holm=0.01)
    assert verdict(longer, LABELS).startswith(
        "GDL has lower HD95 than GDL + ABL by 1.50 mm [1.00, 2.00]"
    )


def test_a_test_that_the_interval_contradicts_is_not_believed():
    text = verdict(comparison(p_holm=0.04), LABELS)
    assert "not distinguishable" in text and "the interval includes no difference" in text


def test_few_subjects_give_no_conclusion():
    text = verdict(comparison(subjects=4, low=0.001, p_holm=0.25), LABELS)
    assert "no conclusion is possible with 4 subjects and 3 seeds" in text
    assert "smallest possible p = 0.25" in text


def test_no_values_and_no_difference():
    assert "cannot be compared on 3D DSC" in verdict(comparison(subjects=0), LABELS)
    same = comparison(difference=0.0, low=0.0, high=0.0, p_holm=1.0)
    assert "have the same mean 3D DSC" in verdict(same, LABELS)


def answered(folder, reference=None):
    return answer(analyse(load_runs([folder]), reference, replicates=300))


def test_a_winner_is_recommended(make_comparison):
    found = answered(make_comparison())
    assert found.headline == "Use GDL + ABL."
    assert "highest mean 3D DSC (best epoch) and ranks first in 100%" in found.certainty
    assert len(found.details) == 3
    assert found.warnings == ()
    assert found.lines[0] == found.headline


def test_a_collapsed_winner_is_recommended_with_a_warning(make_comparison):
    found = answered(make_comparison(collapse=["gdl_abl"]))
    assert found.headline == "Use GDL + ABL, from its best epoch only."
    collapse, order = found.warnings
    assert collapse.startswith("GDL + ABL collapses in 3 of 3 runs: its 3D DSC falls from 0.7")
    assert "do not use its last checkpoint" in collapse
    assert order.startswith("The order depends on the epoch: at the last epoch GDL + BL has")
    assert f"Warning: {collapse}" in found.lines


def test_one_seed_recommends_no_loss(make_comparison):
    found = answered(make_comparison(seeds=(0,)))
    assert (
        found.headline == "GDL + ABL did best in these runs, but one seed does not choose a loss."
    )


def test_equal_methods_are_not_told_apart(make_comparison):
    gains = {"gdl": 0.0, "gdl_bl": 0.0, "gdl_abl": 0.0}
    found = answered(make_comparison(gains=gains))
    assert found.headline == "The losses cannot be told apart on these data."


def test_a_loser_is_excluded(make_comparison):
    found = answered(make_comparison(gains={"gdl": -0.1, "gdl_bl": 0.0, "gdl_abl": 0.0}))
    assert found.headline in (
        "Use GDL + BL or GDL + ABL, not GDL.",
        "Use GDL + ABL or GDL + BL, not GDL.",
    )


def test_a_reference_limits_the_claim(make_comparison):
    folder = make_comparison()
    assert answered(folder, "gdl").headline == "Use GDL + ABL rather than GDL."
    against_winner = answered(folder, "gdl_abl")
    assert against_winner.headline == "Use GDL + ABL."


def test_no_better_than_the_reference(make_comparison):
    found = answered(make_comparison(gains={"gdl": 0.0, "gdl_bl": -0.001, "gdl_abl": 0.001}), "gdl")
    assert found.headline in (
        "No loss is better than GDL beyond noise.",
        "The losses cannot be told apart on these data.",
    )
    assert len(found.details) == 2


def test_too_few_subjects_recommend_nothing(make_comparison):
    found = answered(make_comparison(subjects=3, seeds=(0,)))
    assert found.headline == "Too few subjects to choose a loss."
    assert "but 3 subjects cannot tell whether others would agree." in found.certainty
    assert all("no conclusion is possible" in text for text in found.details)
    assert any("trained with one seed" in text for text in found.warnings)


def test_one_method_has_nothing_to_beat(make_comparison):
    found = answered(make_comparison(gains={"gdl": 0.0}))
    assert found.headline == "Only GDL was given: there is nothing to compare it with."
    assert found.details == ()


def test_csvs_are_methods_not_losses(tmp_path):
    rng = np.random.default_rng(0)
    for name, gain in (("ours", 0.1), ("theirs", 0.0)):
        values = rng.normal(0.6 + gain, 0.001, 7)
        frame = pd.DataFrame({"subject": [f"s{i}" for i in range(7)], "dsc": values})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    found = answer(
        analyse(load_runs([tmp_path / "ours.csv", tmp_path / "theirs.csv"]), replicates=300)
    )
    assert found.headline == "Use ours."
    assert found.certainty.startswith("ours has the highest mean 3D DSC and ranks first in 100%")


def test_no_subject_with_a_value_under_every_method(tmp_path):
    pd.DataFrame({"subject": ["1", "2"], "dsc": [0.5, np.nan]}).to_csv(tmp_path / "a.csv")
    pd.DataFrame({"subject": ["1", "2"], "dsc": [np.nan, 0.5]}).to_csv(tmp_path / "b.csv")
    found = answer(analyse(load_runs([tmp_path / "a.csv", tmp_path / "b.csv"])))
    assert found.headline == "The methods cannot be compared on 3D DSC."


@pytest.mark.parametrize("drop", [0.05, 0.3])
def test_a_collapse_is_read_from_the_epochs_too(tmp_path, drop):
    run = write_run(tmp_path, "gdl", 0, subject_names(3))
    (run / "evaluation/last.csv").unlink()
    epochs = pd.read_csv(run / "epochs.csv")
    epochs["val_slice_dsc"] = np.linspace(0.2, 0.6, len(epochs))
    epochs.loc[epochs.index[10], "val_slice_dsc"] = 0.6 + drop
    epochs.to_csv(run / "epochs.csv", index=False)
    found = find_collapses(load_runs([run]))
    if drop < 0.1:
        assert found == []
    else:
        (collapse,) = found
        assert (collapse.best_epoch, collapse.last_epoch) == (10, 39)
        assert (collapse.best, collapse.last) == pytest.approx((0.9, 0.6))
