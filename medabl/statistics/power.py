"""How large a difference a paired comparison could have seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from medabl.statistics.paired_tests import LEVEL

POWER = 0.8
"""Share of repetitions of an experiment that should find a difference that is there."""


def detectable_difference(differences: ArrayLike, power: float = POWER) -> float:
    """Give the mean difference that a paired t-test on as many subjects finds in `power` of cases.

    The spread of the differences is taken from the data, and the power from the noncentral t
    distribution (Cohen 1988); Wilcoxon's test needs about 5 % more for normal differences.

    Args:
        differences: N values, one per subject.
        power: share of repetitions that find it, by a test that is two-sided at 5 %.

    Returns:
        the difference in the unit of the values; NaN for fewer than two subjects.
    """
    values = np.asarray(differences, dtype=float)
    n = len(values)
    if n < 2:
        return float("nan")
    critical = stats.t.ppf(1 - LEVEL / 2, n - 1)

    shift = optimize.brentq(
        lambda shift: stats.nct.sf(critical, n - 1, shift) - power, 0, 1.5 * critical + 2
    )
    return float(shift * values.std(ddof=1) / np.sqrt(n))
