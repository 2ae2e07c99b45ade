from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medabl.evaluation import summary_table
from medabl.statistics import mean_interval, percentile_interval, resample


def test_one_subject_has_no_interval():
    assert all(np.isnan(mean_interval(np.array([[0.5, 0.7]]))))


def test_interval_of_a_mean_is_close_to_students():
    values = np.random.default_rng(4).normal(0, 1, (200, 1))
    low, high = mean_interval(values)
    half = stats.t.ppf(0.975, 199) * values.std(ddof=1) / np.sqrt(200)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_expanded_percentiles_reach_further_for_few_values():
    draws = np.random.default_rng(0).normal(size=20000)
    low, high = percentile_interval(draws, 10)
    # sqrt(10 / 9) * t(0.975; 9) standard deviations.
    assert high == pytest.approx(np.sqrt(10 / 9) * 2.2622, abs=0.1)
    assert low == pytest.approx(-high, abs=0.15)


def test_resampling_draws_the_same_subjects_for_all_methods():
    subject = np.arange(6.0)[:, None]
    chosen, (a, b) = resample([subject, subject + 10], replicates=50)
    np.testing.assert_array_equal(a, chosen)
    np.testing.assert_array_equal(b, chosen + 10)


def test_resampled_seed_means_have_the_variance_of_a_mean_of_seeds():
    # One subject value shared by all, seeds apart: only seeds vary between replicates.
    seeds = np.array([0.0, 1.0, 5.0])
    _, (drawn,) = resample([np.tile(seeds, (2, 1))], replicates=20000)
    assert drawn.mean() == pytest.approx(seeds.mean(), abs=0.05)
    assert drawn[:, 0].var() == pytest.approx(seeds.var(ddof=1) / 3, rel=0.05)


@pytest.mark.parametrize(("subjects", "seeds"), [(10, 3), (20, 1)])
def test_intervals_cover_no_difference_at_about_the_nominal_rate(subjects, seeds):
    """Two methods without a difference: 95 % intervals hold 0 in about 95 of 100 experiments."""
    rng = np.random.default_rng(10)
    # One seed carries no seed noise here: nothing could estimate it.
    seed_noise = 0.01 if seeds > 1 else 0.0
    experiments = 300
    covered = 0
    for _ in range(experiments):
        difficulty = rng.normal(0.7, 0.1, (subjects, 1))
        taste = rng.normal(0, 0.03, (subjects, 1))
        noise = rng.normal(0, 0.02, (2, subjects, seeds))
        training = rng.normal(0, seed_noise, (2, 1, seeds))
        a, b = difficulty + noise + training + np.stack([taste, 0 * taste])
        _, drawn = resample([a, b], replicates=400)
        replicated = (drawn[0] - drawn[1]).mean(axis=1)
        low, high = percentile_interval(replicated, subjects)
        covered += low <= 0 <= high
    # Three standard errors of a share of 0.95 are 0.04; above it the intervals may be cautious.
    assert covered / experiments >= 0.91
    assert covered < experiments


@pytest.mark.parametrize(("subjects", "nominal"), [(5, 0.95), (15, 0.95)])
def test_the_interval_of_a_mean_holds_the_true_mean_as_often_as_it_says(subjects, nominal):
    rng = np.random.default_rng(6)
    experiments = 400
    covered = 0
    for _ in range(experiments):
        low, high = mean_interval(rng.normal(0.7, 0.1, (subjects, 1)), replicates=500)
        covered += low <= 0.7 <= high
    # Five subjects: a percentile interval without Hesterberg's correction covers 82 %.
    error = 3 * np.sqrt(nominal * (1 - nominal) / experiments)
    assert covered / experiments > nominal - 0.03 - error
    assert covered < experiments


def test_a_summary_and_a_report_give_one_mean_one_interval():
    values = np.random.default_rng(8).beta(8, 3, 12)
    frame = pd.DataFrame({"subject": list("abcdefghijkl"), "site": "", "dsc": values})
    row = summary_table(frame).iloc[0]
    assert (row["ci_low"], row["ci_high"]) == mean_interval(values[:, None])
