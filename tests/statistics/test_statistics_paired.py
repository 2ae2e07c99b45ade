from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medabl.statistics import (
    compare_all,
    compare_pair,
    holm,
    method_pairs,
    rank_biserial,
    wilcoxon_signed_rank,
)


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
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.difference == pytest.approx(a.mean() - b.mean())
    assert (result.subjects, result.seeds) == (8, 2)


def test_missing_pairs_are_dropped_and_counted():
    nan = np.nan
    a = np.array([[1.0, nan], [nan, nan], [3, 3], [4, 5]])
    b = np.array([[0.0], [1], [nan], [2]])
    result = compare_pair(a, b, replicates=200)
    assert (result.subjects, result.dropped, result.missing) == (2, 2, 4)
    assert result.difference == pytest.approx(((1 - 0) + (4.5 - 2)) / 2)


def test_nothing_to_compare_is_nan_and_not_an_error():
    result = compare_pair(np.full((3, 1), np.nan), np.ones((3, 1)))
    assert result.subjects == 0
    assert np.isnan(result.p_value) and np.isnan(result.low)


def test_equal_methods_have_no_difference_and_a_degenerate_interval():
    values = np.random.default_rng(1).normal(size=(7, 1))
    result = compare_pair(values, values, replicates=200)
    assert (result.difference, result.low, result.high) == (0, 0, 0)
    assert (result.p_value, result.rank_biserial) == (1, 0)


def test_pairs():
    assert method_pairs(["a", "b", "c"], None) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert method_pairs(["a", "b", "c"], "b") == [("a", "b"), ("c", "b")]
    with pytest.raises(ValueError, match="'d' is none of the methods: a, b, c"):
        method_pairs(["a", "b", "c"], "d")


def test_p_values_are_corrected_over_the_methods_compared():
    rng = np.random.default_rng(3)
    values = {name: pd.DataFrame(rng.normal(0.1 * i, 1, (9, 2))) for i, name in enumerate("abc")}
    every = compare_all(values, replicates=200)
    assert list(every) == [("b", "a"), ("c", "a"), ("c", "b")]
    raw = [stats.wilcoxon(values[a].mean(axis=1), values[b].mean(axis=1)).pvalue for a, b in every]
    assert [c.p_holm for c in every.values()] == pytest.approx(holm(raw))
    assert {c.family for c in every.values()} == {3}
    assert {c.family for c in compare_all(values, "b", replicates=200).values()} == {2}
