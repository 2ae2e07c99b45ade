"""Tests and effect sizes of paired differences, and the correction for making several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from medabl.statistics.bootstrap import Array

LEVEL = 0.05
"""Significance level of every test."""


def wilcoxon_signed_rank(differences: ArrayLike) -> tuple[float, float, int]:
    """Test whether paired differences are symmetric about zero (Wilcoxon 1945), two-sided.

    Zero differences are left out. The distribution is exact up to 50 pairs, or up to 13 with
    ties; beyond that SciPy's normal approximation, corrected for ties, takes over.

    Args:
        differences: N values.

    Returns:
        the smaller rank sum, the p-value (1 when no difference is left) and the pairs used.
    """
    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    if values.size == 0:
        return 0.0, 1.0, 0
    result = stats.wilcoxon(values)
    return float(result.statistic), float(result.pvalue), int(values.size)


def rank_biserial(differences: ArrayLike) -> float:
    """Give the matched-pairs rank-biserial correlation (Kerby 2014).

    (favourable - unfavourable) / total of the signed ranks: 1 when every subject gained, 0 for no
    tendency. Zero differences are left out; 0 when all are zero.

    Args:
        differences: N values.
    """
    return float(rank_biserial_rows(np.asarray(differences, dtype=float)[None])[0])


def rank_biserial_rows(differences: Array) -> Array:
    """Give `rank_biserial` of every row of an R x N array."""
    # Zeros get rank 0 by counting only what is larger than them: ranks among the others are
    # the ranks among all less the number of zeros.
    zeros = (differences == 0).sum(axis=1, keepdims=True)
    ranks = stats.rankdata(np.abs(differences), axis=1) - zeros
    ranks = np.where(differences == 0, 0.0, ranks)
    total = ranks.sum(axis=1)
    signed = (ranks * np.sign(differences)).sum(axis=1)
    return np.divide(signed, total, out=np.zeros_like(total), where=total > 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for multiple comparisons (Holm 1979); NaN stays NaN and counts for none."""
    values = np.asarray(p_values, dtype=float)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected = values.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [float(p) for p in corrected]
