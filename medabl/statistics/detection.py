"""Lesion detection by lesion size: the share of reference lesions found, with Wilson intervals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

# In mm3; a factor of about three a step, from single voxels to confluent lesions.
VOLUME_EDGES = (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, float("inf"))


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Give Wilson's score interval of a share (Wilson 1927).

    Args:
        successes: how many, shares of one allowed.
        trials: of how many.
        confidence: the interval's level, 0 to 1.

    Returns:
        lower and upper end, 0 to 1; NaN without trials.
    """
    if trials <= 0:
        return float("nan"), float("nan")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def detection_by_size(lesions: pd.DataFrame) -> pd.DataFrame:
    """Count the reference lesions of one method and those found, by lesion volume.

    The seeds of a method evaluate the same lesions, so a lesion counts once, with the share of
    seeds that found it: three seeds do not make three times the evidence.

    Args:
        lesions: one row per reference lesion and seed: ``subject, seed, volume_mm3, detected``.

    Returns:
        one row per occupied range of volumes: ``volume_low_mm3, volume_high_mm3, lesions,
        detected, share, low, high``.
    """
    trainings = lesions.groupby("subject")["seed"].nunique()
    weight = 1 / lesions["subject"].map(trainings)
    found = weight * lesions["detected"].astype(float)
    rows = []
    for smallest, largest in pairwise(VOLUME_EDGES):
        inside = (lesions["volume_mm3"] >= smallest) & (lesions["volume_mm3"] < largest)
        number = round(float(weight[inside].sum()), 6)
        if number == 0:
            continue
        detected = float(found[inside].sum())
        low, high = wilson_interval(detected, number)
        rows.append(
            {
                "volume_low_mm3": smallest,
                "volume_high_mm3": largest,
                "lesions": number,
                "detected": detected,
                "share": detected / number,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)
