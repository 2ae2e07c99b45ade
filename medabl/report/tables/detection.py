"""Detection by lesion size as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medabl.report.runs import Runs
from medabl.statistics import detection_by_size


def detection_table(runs: Runs, checkpoint: str) -> pd.DataFrame:
    """Count reference lesions and those found, by method and lesion volume.

    Returns:
        ``method, label`` and the columns of `medabl.statistics.detection_by_size`; empty without
        tables of lesions.
    """
    tidy = runs.lesions(checkpoint)
    if tidy.empty:
        return pd.DataFrame()
    frames = []
    for method, label in runs.methods.items():
        table = detection_by_size(tidy[tidy["method"] == method])
        table.insert(0, "method", method)
        table.insert(1, "label", label)
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def size_label(low: float, high: float) -> str:
    """Name a range of volumes."""
    if low == 0:
        return f"< {high:g}"
    if np.isinf(high):
        return f"\N{GREATER-THAN OR EQUAL TO} {low:g}"
    return f"{low:g}\N{EN DASH}{high:g}"


def format_detection(table: pd.DataFrame) -> pd.DataFrame:
    """Give detection as text, one row per method and one column per range of volumes."""
    if table.empty:
        return table
    ordered = table.sort_values("volume_low_mm3", kind="stable")
    numbers = ordered.groupby("volume_low_mm3")["lesions"].max()
    rows: dict[str, dict[str, str]] = {label: {"Method": label} for label in table["label"]}
    for _, row in ordered.iterrows():
        size = size_label(row["volume_low_mm3"], row["volume_high_mm3"])
        column = f"{size} mm³ (n = {numbers[row['volume_low_mm3']]:g})"
        interval = f"[{row['low']:.0%}, {row['high']:.0%}]"
        for text in rows.values():
            text.setdefault(column, "")
        rows[row["label"]][column] = f"{row['share']:.0%} {interval}"
    return pd.DataFrame(list(rows.values()))
