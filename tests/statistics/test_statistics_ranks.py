from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from medabl.statistics import rank_stability


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
