"""A table of subjects boiled down: by site, with intervals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from medabl.statistics import mean_interval

SUMMARY_COLUMNS = [
    "site", "metric", "n", "n_nan", "mean", "sd", "median", "q1", "q3", "iqr", "ci_low", "ci_high",
]  # fmt: skip
ALL_SITES = "all"


def summary_table(subjects: pd.DataFrame) -> pd.DataFrame:
    """Statistics of every metric over the subjects of each site, and over all of them.

    Args:
        subjects: a row a subject: `site` and, among others, numeric columns, each a metric.

    Returns:
        a row for each site (first "all") and metric: `n` subjects with a value, `n_nan` without
        one (not defined there: in none of the other numbers), `mean`, `sd` (n - 1), `median`,
        quartiles `q1`, `q3` and `iqr`, and the 95 % bootstrap interval of the mean
        (`medabl.statistics.mean_interval`, as in reports): `ci_low`, `ci_high`, NaN below two
        subjects.
    """
    metrics = subjects.select_dtypes("number").columns
    groups = [(ALL_SITES, subjects)]
    groups += [(str(site), rows) for site, rows in subjects.groupby("site") if site != ""]
    rows = [
        {"site": site, "metric": metric, **_statistics(group[metric].to_numpy(dtype=float))}
        for site, group in groups
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def _statistics(values: npt.NDArray[np.float64]) -> dict[str, float]:
    defined = values[~np.isnan(values)]
    counts: dict[str, float] = {"n": len(defined), "n_nan": len(values) - len(defined)}
    if not len(defined):
        return counts
    q1, median, q3 = np.percentile(defined, [25, 50, 75])
    low, high = mean_interval(defined[:, None])
    return {
        **counts,
        "mean": defined.mean(),
        "sd": defined.std(ddof=1) if len(defined) > 1 else np.nan,
        "median": median,
        "q1": q1,
        "q3": q3,
        "iqr": q3 - q1,
        "ci_low": low,
        "ci_high": high,
    }
