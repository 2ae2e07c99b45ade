"""Paired comparisons of methods: tests, effect sizes, intervals, and how stable the order is.

Seeds are averaged for each subject first, so the subject is the unit of every test: ten subjects
and three seeds are ten pairs, not thirty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from medabl.errors import InputError
from medabl.report.bootstrap import (
    REPLICATES,
    Array,
    percentile_interval,
    resample,
    seed_average,
)
from medabl.report.columns import Metric
from medabl.report.runs import Runs

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """One method against another on one metric and checkpoint.

    Args:
        metric: what was measured.
        checkpoint: ``"best"``, ``"last"`` or ``"file"``.
        method: the first method; differences are method minus reference.
        reference: the second method.
        subjects: pairs compared.
        dropped: subjects left out because one method has no value for them under any seed.
        missing: values (subject and seed, both methods) that are NaN or infinite.
        seeds: the smaller number of seeds of the two.
        mean_method: mean over the compared subjects.
        mean_reference: likewise.
        difference: mean paired difference.
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        rank_biserial: matched-pairs rank-biserial correlation, -1 to 1.
        rank_biserial_low: lower end of its 95 % bootstrap interval.
        rank_biserial_high: upper end.
        statistic: Wilcoxon's smaller signed-rank sum.
        p_value: two-sided.
        nonzero: pairs with a difference, which alone enter the test.
        p_holm: `p_value` after Holm's correction over the family.
        family: how many comparisons the correction is over.
    """

    metric: Metric
    checkpoint: str
    method: str
    reference: str
    subjects: int
    dropped: int
    missing: int
    seeds: int
    mean_method: float
    mean_reference: float
    difference: float
    low: float
    high: float
    rank_biserial: float
    rank_biserial_low: float
    rank_biserial_high: float
    statistic: float
    p_value: float
    nonzero: int
    p_holm: float = float("nan")
    family: int = 1

    @property
    def smallest_p(self) -> float:
        """The smallest corrected p that this many subjects could give, all favouring one side."""
        return min(1.0, self.family * 2.0 ** (1 - self.subjects)) if self.subjects else 1.0

    @property
    def can_conclude(self) -> bool:
        """Whether any outcome with this many subjects could have been significant."""
        return self.smallest_p <= LEVEL

    @property
    def distinguishable(self) -> bool:
        """Whether test and interval agree that the difference is more than noise."""
        excludes_zero = self.low > 0 or self.high < 0
        return self.can_conclude and self.p_holm <= LEVEL and excludes_zero

    @property
    def better(self) -> str | None:
        """The method with the better mean; None when they are equal or nothing was compared."""
        if not self.difference or np.isnan(self.difference):
            return None
        return (
            self.method if (self.difference > 0) == self.metric.higher_is_better else self.reference
        )


def wilcoxon_signed_rank(differences: ArrayLike) -> tuple[float, float, int]:
    """Test whether paired differences are symmetric about zero (Wilcoxon 1945), two-sided.

    Zero differences are left out. The distribution is exact up to 50 pairs, or up to 13 with
    ties; beyond that SciPy's normal approximation, corrected for ties, takes over.

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
    """
    return float(_rank_biserial_rows(np.asarray(differences, dtype=float)[None])[0])


def _rank_biserial_rows(differences: Array) -> Array:
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


def compare_pair(
    method: ArrayLike, reference: ArrayLike, *, replicates: int = REPLICATES, seed: int = 0
) -> dict[str, float | int]:
    """Compare two methods on the same subjects.

    Args:
        method: subjects x seeds, NaN where a value is missing.
        reference: the same subjects in the same order; the number of seeds may differ.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        the fields of `Comparison` that are numbers of this pair alone.
    """
    pair = [np.asarray(sample, dtype=float) for sample in (method, reference)]
    averages = [seed_average(sample) for sample in pair]
    complete = ~np.isnan(averages[0]) & ~np.isnan(averages[1])
    n = int(complete.sum())
    nan = float("nan")
    result: dict[str, float | int] = {
        "subjects": n,
        "dropped": int(complete.size - n),
        "missing": int(sum(np.isnan(sample).sum() for sample in pair)),
        "seeds": min(sample.shape[1] for sample in pair),
    }
    if n == 0:
        numbers = ("mean_method", "mean_reference", "difference", "low", "high", "rank_biserial")
        more = ("rank_biserial_low", "rank_biserial_high", "statistic", "p_value")
        return result | dict.fromkeys(numbers + more, nan) | {"nonzero": 0}
    a, b = (average[complete] for average in averages)
    difference = a - b
    statistic, p_value, nonzero = wilcoxon_signed_rank(difference)
    _, drawn = resample([s[complete] for s in pair], replicates=replicates, seed=seed)
    replicated = drawn[0] - drawn[1]
    low, high = percentile_interval(replicated.mean(axis=1), n)
    effect_low, effect_high = percentile_interval(_rank_biserial_rows(replicated), n)
    return result | {
        "mean_method": float(a.mean()),
        "mean_reference": float(b.mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
        "rank_biserial": rank_biserial(difference),
        "rank_biserial_low": effect_low,
        "rank_biserial_high": effect_high,
        "statistic": statistic,
        "p_value": p_value,
        "nonzero": nonzero,
    }


def pairs(methods: Sequence[str], reference: str | None) -> list[tuple[str, str]]:
    """Give the comparisons of one family: each method with `reference`, or every pair.

    Raises:
        InputError: `reference` is no method.
    """
    if reference is None:
        return [(later, earlier) for earlier, later in combinations(methods, 2)]
    if reference not in methods:
        raise InputError(
            f"The reference {reference!r} is none of the methods: {', '.join(methods)}."
        )
    return [(method, reference) for method in methods if method != reference]


def compare_methods(
    runs: Runs,
    metric: Metric,
    checkpoint: str,
    reference: str | None = None,
    *,
    replicates: int = REPLICATES,
) -> list[Comparison]:
    """Compare the methods on one metric, p-values Holm-corrected over these comparisons.

    Args:
        runs: from `load_runs`.
        metric: one of ``runs.metrics``.
        checkpoint: one of ``runs.checkpoints``.
        reference: compare each other method with this one; None compares every pair.
        replicates: of the bootstrap.
    """
    values = runs.values(metric, checkpoint)
    family = pairs(list(runs.methods), reference)
    raw = [
        compare_pair(values[a].to_numpy(), values[b].to_numpy(), replicates=replicates)
        for a, b in family
    ]
    corrected = holm([float(numbers["p_value"]) for numbers in raw])
    tested = sum(p == p for p in corrected)
    made = []
    for (method, other), numbers, p in zip(family, raw, corrected, strict=True):
        comparison = Comparison(metric, checkpoint, method, other, **numbers)  # type: ignore[arg-type]
        made.append(replace(comparison, p_holm=p, family=max(tested, 1)))
    return made


def rank_stability(
    values: Mapping[str, pd.DataFrame],
    higher_is_better: bool,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Say how often each method would rank first with other subjects and seeds.

    Args:
        values: a subjects x seeds frame a method, rows in the same order. Subjects without a
            value in one of the methods are left out for all.
        higher_is_better: direction of the metric.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        a row a method: ``rank`` by the mean, ``first`` (share of replicates in which it ranks
        first; ties share), ``mean_rank``, and the central 95 % of its ranks as ``rank_low``,
        ``rank_high``; only ``rank`` for a single subject.
    """
    samples = [frame.to_numpy(dtype=float) for frame in values.values()]
    averages = np.stack([seed_average(sample) for sample in samples])
    complete = ~np.isnan(averages).any(axis=0)
    index = pd.Index(list(values), name="method")
    columns = ["rank", "first", "mean_rank", "rank_low", "rank_high"]
    if not complete.any():
        return pd.DataFrame(np.nan, index=index, columns=columns)
    sign = -1.0 if higher_is_better else 1.0
    observed = stats.rankdata(np.round(sign * averages[:, complete].mean(axis=1), 12))
    if complete.sum() < 2:
        # Every resample of one subject is that subject: stability would be a pretence.
        return pd.DataFrame({"rank": observed}, index=index).reindex(columns=columns)
    _, drawn = resample([s[complete] for s in samples], replicates=replicates, seed=seed)
    means = sign * np.stack([d.mean(axis=1) for d in drawn])
    # Means of the same numbers added in another order may differ in the last bit.
    means = np.round(means, 12)
    ranks = stats.rankdata(means, axis=0)
    winners = means == means.min(axis=0)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=1)
    share = (winners / winners.sum(axis=0)).mean(axis=1)
    table = np.stack([observed, share, ranks.mean(axis=1), low, high], axis=1)
    return pd.DataFrame(table, index=index, columns=columns)
