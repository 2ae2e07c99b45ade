"""How stable the order of methods is when subjects and seeds are drawn anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from medabl.statistics.bootstrap import REPLICATES, resample, seed_average


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
