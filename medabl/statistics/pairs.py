"""Methods compared two at a time on the same subjects.

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

from medabl.statistics.bootstrap import REPLICATES, percentile_interval, resample, seed_average
from medabl.statistics.paired_tests import (
    LEVEL,
    holm,
    rank_biserial,
    rank_biserial_rows,
    wilcoxon_signed_rank,
)
from medabl.statistics.power import detectable_difference

_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Two methods on the same subjects; differences are method minus reference.

    Attributes:
        subjects: pairs compared.
        dropped: subjects left out because one method has no value for them under any seed.
        missing: values (subject and seed, both methods) that are NaN.
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
        detectable: mean difference that so many subjects would show in 80 % of repetitions.
    """

    subjects: int
    dropped: int
    missing: int
    seeds: int
    mean_method: float = _NAN
    mean_reference: float = _NAN
    difference: float = _NAN
    low: float = _NAN
    high: float = _NAN
    rank_biserial: float = _NAN
    rank_biserial_low: float = _NAN
    rank_biserial_high: float = _NAN
    statistic: float = _NAN
    p_value: float = _NAN
    nonzero: int = 0
    p_holm: float = _NAN
    family: int = 1
    detectable: float = _NAN

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


def compare_pair(
    method: ArrayLike, reference: ArrayLike, *, replicates: int = REPLICATES, seed: int = 0
) -> PairedComparison:
    """Compare two methods on the same subjects.

    Args:
        method: subjects x seeds, NaN where a value is missing.
        reference: the same subjects in the same order; the number of seeds may differ.
        replicates: of the bootstrap.
        seed: of the bootstrap's random numbers.
    """
    pair = [np.asarray(sample, dtype=float) for sample in (method, reference)]
    averages = [seed_average(sample) for sample in pair]
    complete = ~np.isnan(averages[0]) & ~np.isnan(averages[1])
    n = int(complete.sum())
    counted = PairedComparison(
        subjects=n,
        dropped=int(complete.size - n),
        missing=int(sum(np.isnan(sample).sum() for sample in pair)),
        seeds=min(sample.shape[1] for sample in pair),
    )
    if n == 0:
        return counted
    a, b = (average[complete] for average in averages)
    difference = a - b
    statistic, p_value, nonzero = wilcoxon_signed_rank(difference)
    _, drawn = resample([s[complete] for s in pair], replicates=replicates, seed=seed)
    replicated = drawn[0] - drawn[1]
    low, high = percentile_interval(replicated.mean(axis=1), n)
    effect_low, effect_high = percentile_interval(rank_biserial_rows(replicated), n)
    return replace(
        counted,
        mean_method=float(a.mean()),
        mean_reference=float(b.mean()),
        difference=float(difference.mean()),
        low=low,
        high=high,
        rank_biserial=rank_biserial(difference),
        rank_biserial_low=effect_low,
        rank_biserial_high=effect_high,
        statistic=statistic,
        p_value=p_value,
        nonzero=nonzero,
        detectable=detectable_difference(difference),
    )


def method_pairs(methods: Sequence[str], reference: str | None) -> list[tuple[str, str]]:
    """Give the comparisons of one family: each method with `reference`, or every pair.

    Raises:
        ValueError: `reference` is no method.
    """
    if reference is None:
        return [(later, earlier) for earlier, later in combinations(methods, 2)]
    if reference not in methods:
        raise ValueError(
            f"The reference {reference!r} is none of the methods: {', '.join(methods)}."
        )
    return [(method, reference) for method in methods if method != reference]


def compare_all(
    values: Mapping[str, pd.DataFrame],
    reference: str | None = None,
    *,
    replicates: int = REPLICATES,
) -> dict[tuple[str, str], PairedComparison]:
    """Compare methods on one metric, p-values Holm-corrected over these comparisons.

    Args:
        values: method -> subjects x seeds, rows in the same order.
        reference: compare each other method with this one; None compares every pair.
        replicates: of the bootstrap.

    Returns:
        (method, reference) -> their comparison.

    Raises:
        ValueError: `reference` is no method.
    """
    raw = {
        (a, b): compare_pair(values[a], values[b], replicates=replicates)
        for a, b in method_pairs(list(values), reference)
    }
    corrected = holm([pair.p_value for pair in raw.values()])
    tested = max(1, sum(p == p for p in corrected))
    return {
        names: replace(pair, p_holm=p, family=tested)
        for (names, pair), p in zip(raw.items(), corrected, strict=True)
    }
