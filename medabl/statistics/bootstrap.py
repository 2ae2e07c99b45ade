"""Bootstrap over subjects and seeds: intervals that say how sure a mean or a difference is.

A run is one training (a seed) evaluated on all subjects, so subjects and seeds are crossed. Each
replicate draws subjects with replacement, the same ones for all methods because the comparison is
paired, and draws seeds with replacement for each method by itself because trainings are
independent.

Two corrections keep the intervals from being too narrow, which plain percentile intervals are for
ten subjects and three seeds: deviations between seeds are inflated by sqrt(S / (S - 1)), and the
percentiles are moved outwards to those that make the interval of a mean of n values as wide as
Student's (the "expanded percentile" interval of Hesterberg, *The American Statistician* 69, 2015).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
REPLICATES = 4000
CONFIDENCE = 0.95


def seed_average(values: Array) -> Array:
    """Average subjects x seeds over the seeds that have a value; NaN where none has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        return np.asarray(np.nanmean(values, axis=1))


def resample(
    samples: Sequence[Array], *, replicates: int = REPLICATES, seed: int = 0
) -> tuple[NDArray[np.int64], list[Array]]:
    """Draw bootstrap replicates of several methods measured on the same subjects.

    Args:
        samples: an N x S array a method (S may differ); NaN marks a missing seed of a subject, and
            every subject has at least one value.
        replicates: how many to draw.
        seed: of the random numbers.

    Returns:
        which subjects each replicate holds (replicates x N), and for each method the value of
        those subjects under the seeds drawn (replicates x N).
    """
    rng = np.random.default_rng(seed)
    subjects = len(samples[0])
    chosen = rng.integers(subjects, size=(replicates, subjects))
    drawn = []
    for sample in samples:
        under_seeds = _draw_seeds(sample, replicates, rng)
        drawn.append(np.take_along_axis(under_seeds, chosen, axis=1))
    return chosen, drawn


def _draw_seeds(sample: Array, replicates: int, rng: np.random.Generator) -> Array:
    """Give each subject's mean over a draw of the seeds: replicates x N."""
    mean = seed_average(sample)
    seeds = sample.shape[1]
    if seeds == 1:
        return np.tile(mean, (replicates, 1))
    counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=replicates).astype(float)
    present = ~np.isnan(sample)
    available = present.sum(axis=1)
    inflation = np.sqrt(available / np.maximum(available - 1, 1))
    deviation = np.where(present, sample - mean[:, None], 0.0) * inflation[:, None]
    weight = counts @ present.T.astype(float)
    shift = np.divide(counts @ deviation.T, weight, out=np.zeros_like(weight), where=weight > 0)
    return np.asarray(mean + shift)


def percentile_interval(
    replicated: Array, n: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give the expanded percentile interval of bootstrap replicates of a mean of `n` values.

    NaN replicates are left out. One value has no interval: both ends are NaN (Hesterberg 2015).

    Args:
        replicated: the replicates' means, of any shape.
        n: how many values each is the mean of.
        confidence: the interval's level, 0 to 1.

    Returns:
        lower and upper end.
    """
    usable = replicated[~np.isnan(replicated)]
    if n < 2 or usable.size == 0:
        return float("nan"), float("nan")
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)
    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * quantile)
    low, high = np.quantile(usable, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(
    values: Array, *, replicates: int = REPLICATES, seed: int = 0
) -> tuple[float, float]:
    """Give the 95 % interval of a mean over subjects, seeds averaged first.

    This is the interval of every mean that medabl prints: the summary of an evaluation, tables
    and page of a report.

    Args:
        values: N x S, subjects x seeds; subjects without any value are left out.
        replicates: how many to draw.
        seed: of the random numbers.

    Returns:
        lower and upper end; both NaN for fewer than two subjects.
    """
    average = seed_average(values)
    average = average[~np.isnan(average)]
    if average.size < 2:
        return float("nan"), float("nan")
    _, (drawn,) = resample([average[:, None]], replicates=replicates, seed=seed)
    return percentile_interval(drawn.mean(axis=1), average.size)
