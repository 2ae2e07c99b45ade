"""What a method is worth that was chosen by the comparison it won."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from medabl.statistics.bootstrap import seed_average


def value_when_chosen_by_others(
    values: Mapping[str, pd.DataFrame], higher_is_better: bool
) -> float:
    """The mean value of each subject under the method that was best on all the others.

    The mean of the best of several methods is flattered by the choice; this one is not, since no
    subject has a say in the choice of its own method (leave-one-out, as an outer loop around
    the comparison).

    Args:
        values: method -> subjects x seeds, rows in the same order.
        higher_is_better: of the values.

    Returns:
        the mean over the subjects with a value under every method; NaN for fewer than two.
    """
    averages = np.stack([seed_average(frame.to_numpy(dtype=float)) for frame in values.values()])
    complete = averages[:, ~np.isnan(averages).any(axis=0)]
    if complete.shape[1] < 2:
        return float("nan")
    others = complete.sum(axis=1, keepdims=True) - complete
    chosen = others.argmax(axis=0) if higher_is_better else others.argmin(axis=0)
    return float(np.take_along_axis(complete, chosen[None], axis=0).mean())
