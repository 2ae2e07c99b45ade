from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medabl.report.bootstrap import mean_interval, percentile_interval, resample
from medabl.report.statistics import compare_pair, holm, pairs, rank_biserial, wilcoxon_signed_rank
from scipy import stats

from medabl.errors import InputError
from medabl.report import compare_methods, load_runs, rank_stability


def signed_ranks(differences: np.ndarray) -> tuple[float, float]:
    kept = [d for d in differences if d != 0]
    ranks = [
        1 + sum(abs(e) < abs(d) for e in kept) + (sum(abs(e) == abs(d) for e in kept) - 1) / 2
        for d in kept
    ]
    up = sum(r for r, d in zip(ranks, kept, strict=True) if d > 0)
    return up, sum(ranks) - up


def exact_p(differences: np.ndarray) -> float:
    """Every assignment of signs, counted."""
    up, down = signed_ranks(differences)
    size = np.abs(differences)
    sums = [signed_ranks(size * signs)[0] for signs in product((-1, 1), repeat=len(size))]
    total = up + down
    extreme = [min(s, total - s) <= min(up, down) for s in sums]
    return sum(extreme) / len(extreme)


@pytest.mark.parametrize("n", [3, 5, 7])
def test_wilcoxon_equals_the_enumeration_of_all_signs(n):
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    statistic, p, used = wilcoxon_signed_rank(differences)
    assert statistic == pytest.approx(min(signed_ranks(differences)))
    assert p == pytest.approx(exact_p(differences))
    assert used == n


def test_wilcoxon_is_exact_with_ties_and_leaves_zeros_out():
    differences = np.array([1.0, 1, -1, 2, 3, 0, 2])
    _, p, used = wilcoxon_signed_rank(differences)
    assert used == 6
    assert p == pytest.approx(exact_p(differences[differences != 0]))


def test_wilcoxon_equals_scipy_for_larger_samples():
    differences = np.random.default_rng(2).normal(0.2, 1, 40)
    expected = stats.wilcoxon(differences, method="exact")
    statistic, p, _ = wilcoxon_signed_rank(differences)
    assert (statistic, p) == pytest.approx((expected.statistic, expected.pvalue))


def test_wilcoxon_of_no_difference_is_certain_of_nothing():
    assert wilcoxon_signed_rank([0.0, 0.0, 0.0]) == (0.0, 1.0, 0)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.04 times 3, 2, 1, never decreasing.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_counts_only_what_was_tested():
    corrected = holm([0.02, float("nan"), 0.04])
    assert corrected[0] == pytest.approx(0.04)
    assert np.isnan(corrected[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_holm_lies_between_the_raw_and_bonferroni(p_values):
    corrected = np.array(holm(p_values))
    raw = np.array(p_values)
    assert (corrected >= raw).all()
    assert (corrected <= np.minimum(raw * len(raw), 1) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(raw, kind="stable")]) >= 0).all()


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_rank_biserial_from_its_definition(differences):
    up, down = signed_ranks(np.array(differences, dtype=float))
    expected = (up - down) / (up + down) if up + down else 0.0
    assert rank_biserial(differences) == pytest.approx(expected)


def test_rank_biserial_extremes():
    assert rank_biserial([0.1, 0.2, 5]) == 1
    assert rank_biserial([-0.1, -0.2, -5]) == -1
    assert rank_biserial([0, 0]) == 0


def test_seeds_are_averaged_before_the_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, (8, 3)), rng.normal(0, 1, (8, 2))
    result = compare_pair(a, b, replicates=200)
    expected = stats.wilcoxon(a.mean(axis=1), b.mean(axis=1))
    assert result["p_value"] == pytest.approx(expected.pvalue)
    assert result["difference"] == pytest.approx(a.mean() - b.mean())
    assert (result["subjects"], result["seeds"]) == (8, 2)


def test_missing_pairs_are_dropped_and_counted():
    nan = np.nan
    a = np.array([[1.0, nan], [nan, nan], [3, 3], [4, 5]])
    b = np.array([[0.0], [1], [nan], [2]])
    result = compare_pair(a, b, replicates=200)
    assert (result["subjects"], result["dropped"], result["missing"]) == (2, 2, 4)
    assert result["difference"] == pytest.approx(((1 - 0) + (4.5 - 2)) / 2)


def test_nothing_to_compare_is_nan_and_not_an_error():
    result = compare_pair(np.full((3, 1), np.nan), np.ones((3, 1)))
    assert result["subjects"] == 0
    assert np.isnan(result["p_value"]) and np.isnan(result["low"])


def test_equal_methods_have_no_difference_and_a_degenerate_interval():
    values = np.random.default_rng(1).normal(size=(7, 1))
    result = compare_pair(values, values, replicates=200)
    assert (result["difference"], result["low"], result["high"]) == (0, 0, 0)
    assert (result["p_value"], result["rank_biserial"]) == (1, 0)


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


def frames(*samples: list[list[float]]) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(sample) for name, sample in zip("abc", samples, strict=False)}


def test_a_method_better_on_every_subject_always_ranks_first():
    table = rank_stability(frames([[1.0], [2], [3]], [[0.5], [1.5], [2.5]]), True, replicates=300)
    assert table.loc["a", ["rank", "first", "mean_rank"]].tolist() == [1, 1, 1]
    assert table.loc["b", ["rank", "first"]].tolist() == [2, 0]
    lower = rank_stability(frames([[1.0], [2]], [[0.5], [1.5]]), False, replicates=300)
    assert lower.loc["b", "first"] == 1


def test_equal_methods_share_the_first_rank():
    sample = [[0.1], [0.7], [0.4]]
    table = rank_stability(frames(sample, sample), True, replicates=300)
    assert table["first"].tolist() == [0.5, 0.5]
    assert table["rank"].tolist() == [1.5, 1.5]


def test_rank_shares_equal_the_enumeration_of_all_resamples():
    a, b = np.array([1.0, 4.0, 2.0]), np.array([2.0, 1.0, 2.5])
    wins = [
        np.sign(sum(a[list(chosen)]) - sum(b[list(chosen)]))
        for chosen in product(range(3), repeat=3)
    ]
    expected = np.mean([(w + 1) / 2 for w in wins])
    table = rank_stability(frames(a[:, None].tolist(), b[:, None].tolist()), True, replicates=20000)
    assert table.loc["a", "first"] == pytest.approx(expected, abs=0.015)


def test_ranks_of_nothing_are_unknown():
    assert rank_stability(frames([[np.nan]], [[1.0]]), True).isna().all(axis=None)


def test_one_subject_has_a_rank_but_no_stability():
    table = rank_stability(frames([[0.2]], [[0.9]]), True)
    assert table["rank"].tolist() == [2, 1]
    assert table["first"].isna().all()


def test_pairs():
    assert pairs(["a", "b", "c"], None) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert pairs(["a", "b", "c"], "b") == [("a", "b"), ("c", "b")]
    with pytest.raises(InputError, match="'d' is none of the methods: a, b, c"):
        pairs(["a", "b", "c"], "d")


def test_comparisons_are_corrected_and_named(make_comparison):
    runs = load_runs([make_comparison()])
    every = compare_methods(runs, runs.primary, "best", replicates=300)
    assert [(c.method, c.reference) for c in every] == [
        ("gdl_bl", "gdl"),
        ("gdl_abl", "gdl"),
        ("gdl_abl", "gdl_bl"),
    ]
    assert [c.p_holm for c in every] == pytest.approx(holm([c.p_value for c in every]))
    assert {c.family for c in every} == {3}
    abl = every[1]
    # The factory adds 0.05 to every subject's Dice.
    assert abl.difference == pytest.approx(0.05, abs=0.01)
    assert abl.distinguishable and abl.better == "gdl_abl"
    assert len(compare_methods(runs, runs.primary, "best", "gdl", replicates=100)) == 2


def test_lower_is_better_for_distances(make_comparison):
    runs = load_runs([make_comparison()])
    (metric,) = [m for m in runs.metrics if m.column == "hd95_mm"]
    comparison = compare_methods(runs, metric, "best", "gdl", replicates=300)[1]
    assert comparison.difference < 0
    assert comparison.better == "gdl_abl"


@pytest.mark.parametrize(("subjects", "possible"), [(5, False), (6, True)])
def test_fewer_than_six_subjects_conclude_nothing(make_comparison, subjects, possible):
    gains = {"gdl": 0.0, "gdl_abl": 0.1}
    runs = load_runs([make_comparison(subjects=subjects, gains=gains)])
    (comparison,) = compare_methods(runs, runs.primary, "best", replicates=300)
    # All subjects favour one method, so p is the smallest there is: 2 / 2^n.
    assert comparison.p_value == pytest.approx(2 / 2**subjects)
    assert comparison.smallest_p == comparison.p_value
    assert comparison.can_conclude is possible
    assert comparison.distinguishable is possible
