"""Agreement of two measurements of one quantity (Bland and Altman, The Lancet 1986)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def limits_of_agreement(differences: ArrayLike) -> dict[str, float]:
    """Give bias and 95 % limits of agreement: bias ± 1.96 sd.

    Args:
        differences: N values, one a subject, at least one.

    Returns:
        ``bias, sd, lower_limit, upper_limit`` in the unit of `differences`; all but the bias are
        NaN for a single subject.
    """
    values = np.asarray(differences, dtype=float)
    bias = float(values.mean())
    sd = float(values.std(ddof=1)) if values.size > 1 else float("nan")
    limits = {"lower_limit": bias - 1.96 * sd, "upper_limit": bias + 1.96 * sd}
    return {"bias": bias, "sd": sd, **limits}
