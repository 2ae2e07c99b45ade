"""Lesion detection by lesion size: the share of reference lesions found, with Wilson intervals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from medabl.report.runs import Runs

# In mm3; a factor of about three a step, from single voxels to confluent lesions.
VOLUME_EDGES = (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, float("inf"))


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Give Wilson's score interval of a share (Wilson 1927); NaN without trials."""
    if trials <= 0:
        return float("nan"), float("nan")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def size_label(low: float, high: float) -> str:
    """Name a range of volumes."""
    if low == 0:
        return f"< {high:g}"
    return f"\N{GREATER-THAN OR EQUAL TO} {low:g}" if np.isinf(high) else f"{low:g}–{high:g}"  # noqa: RUF001


def detection_by_size(runs: Runs, checkpoint: str) -> pd.DataFrame:
    """Count reference lesions and those found, by method and lesion volume.

    The seeds of a method judge the same lesions, so a lesion counts once, with the share of
    seeds that found it: three seeds do not make three times the evidence.

    Returns:
        a row a method and occupied range of volumes: ``method, label, volume_low_mm3,
        volume_high_mm3, lesions, detected, share, low, high``; empty without lesion tables.
    """
    tidy = runs.lesions(checkpoint)
    if tidy.empty:
        return pd.DataFrame()
    found = tidy.assign(found=tidy["detected"].astype(float))
    rows = []
    for method, label in runs.methods.items():
        mine = found[found["method"] == method]
        trainings = mine.groupby("subject")["seed"].nunique()
        weight = 1 / mine["subject"].map(trainings)
        for low, high in pairwise(VOLUME_EDGES):
            inside = (mine["volume_mm3"] >= low) & (mine["volume_mm3"] < high)
            lesions = round(float(weight[inside].sum()), 6)
            if lesions == 0:
                continue
            detected = float((weight * mine["found"])[inside].sum())
            interval = wilson_interval(detected, lesions)
            rows.append(
                {
                    "method": method,
                    "label": label,
                    "volume_low_mm3": low,
                    "volume_high_mm3": high,
                    "lesions": lesions,
                    "detected": detected,
                    "share": detected / lesions,
                    "low": interval[0],
                    "high": interval[1],
                }
            )
    return pd.DataFrame(rows)


def format_detection(table: pd.DataFrame) -> pd.DataFrame:
    """Give detection as text, a row a range of volumes and a column a method."""
    rows = []
    ranges = (
        table[["volume_low_mm3", "volume_high_mm3"]].drop_duplicates().sort_values("volume_low_mm3")
    )
    labels = list(dict.fromkeys(table["label"]))
    for low, high in ranges.itertuples(index=False):
        inside = table[table["volume_low_mm3"] == low]
        text = {"Volume (mm³)": size_label(low, high), "Lesions": f"{inside['lesions'].max():g}"}
        for label in labels:
            cell = inside[inside["label"] == label]
            text[label] = ""
            if not cell.empty:
                row = cell.iloc[0]
                text[label] = f"{row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"
        rows.append(text)
    return pd.DataFrame(rows)
