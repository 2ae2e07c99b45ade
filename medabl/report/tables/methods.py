"""Means of every method at its epochs, published numbers beside measured ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medabl.report.columns import Metric, known_metrics
from medabl.report.markup import write_frame
from medabl.report.runs import Runs
from medabl.report.slice_protocol import LOGGED, logged_slice_metrics
from medabl.report.tables.published import PUBLISHED, PUBLISHED_SOURCE, are_of_the_challenge
from medabl.report.words import CHECKPOINT_NAMES
from medabl.statistics import mean_interval

LEGEND = (
    "Mean ± standard deviation over seeds [95 % bootstrap interval over subjects]; arrows point "
    "to better values."
)


def comparison_table(runs: Runs, published: bool = True) -> pd.DataFrame:
    """Summarise every method at every checkpoint.

    Args:
        runs: from `load_runs`.
        published: whether the published results of the same losses are rows of their own, where
            the subjects are the WMH challenge's (`are_of_the_challenge`).

    Returns:
        one row per method and checkpoint: ``method, label, epoch, source, seeds, subjects`` and,
        for each metric, its mean over seeds (of the means over subjects) under its own name,
        the standard deviation over seeds as ``*_sd`` (NaN for one seed), the 95 % bootstrap
        interval over subjects as ``*_low, *_high``, and how many values are missing as
        ``*_missing``. Slice-wise metrics of runs with a log are those of the log, over all
        slices at once (`logged_slice_metrics`), without an interval.
    """
    rows = []
    published = published and are_of_the_challenge(runs)
    for method, label in runs.methods.items():
        if method in PUBLISHED and published:
            rows.append(_published_row(method))
        for checkpoint in measured_checkpoints(runs, method):
            rows.append(_measured_row(runs, method, label, checkpoint))
    return pd.DataFrame(rows)


def measured_checkpoints(runs: Runs, method: str) -> Sequence[str]:
    """Give the checkpoints a method is shown at; a CSV is no particular epoch."""
    if all(run.folder is None for run in runs.of(method)):
        return ("file",)
    return runs.checkpoints


def _published_row(method: str) -> dict[str, object]:
    label, dsc, hd = PUBLISHED[method]
    row: dict[str, object] = {"method": method, "label": label, "epoch": "best"}
    return row | {"source": PUBLISHED_SOURCE, "slice_dsc": dsc, "slice_hd_rows": hd}


def _measured_row(runs: Runs, method: str, label: str, checkpoint: str) -> dict[str, object]:
    row: dict[str, object] = {
        "method": method,
        "label": label,
        "epoch": checkpoint,
        "source": "medabl",
        "seeds": len(runs.seeds(method)),
    }
    for metric in runs.metrics:
        values = values_at(runs, metric, method, checkpoint)
        row["subjects"] = len(values)
        row |= summarise(values, metric.column)
    logged = logged_slice_metrics(runs, method, checkpoint)
    if logged:
        no_interval = {f"{name}_{end}": np.nan for name in LOGGED for end in ("low", "high")}
        row |= {**logged, **no_interval}
    return row


def values_at(runs: Runs, metric: Metric, method: str, checkpoint: str) -> pd.DataFrame:
    """Give one method's subjects x seeds at a checkpoint or of a CSV."""
    # A CSV answers for any checkpoint, so the first one stands for it.
    return runs.values(metric, runs.checkpoints[0] if checkpoint == "file" else checkpoint)[method]


def summarise(values: pd.DataFrame, column: str) -> dict[str, object]:
    """Give mean, spread over seeds, interval and missing values of subjects x seeds.

    Args:
        values: subjects x seeds.
        column: what the columns are called after.
    """
    by_seed = values.mean(axis=0)
    low, high = mean_interval(values.to_numpy())
    return {
        column: by_seed.mean(),
        f"{column}_sd": by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan,
        f"{column}_low": low,
        f"{column}_high": high,
        f"{column}_missing": int(values.isna().to_numpy().sum()),
    }


def format_cell(row: pd.Series, metric: Metric) -> tuple[str, str]:
    """Give a metric of one row as ``0.727 ± 0.010`` and ``[0.701, 0.752]``; empty where unknown."""
    value, sd = row.get(metric.column, np.nan), row.get(f"{metric.column}_sd", np.nan)
    low, high = (row.get(f"{metric.column}_{end}", np.nan) for end in ("low", "high"))
    if pd.isna(value):
        return "", ""
    mean = metric.format(value) if pd.isna(sd) else f"{metric.format(value)} ± {metric.format(sd)}"
    interval = "" if pd.isna(low) else f"[{metric.format(low)}, {metric.format(high)}]"
    return mean, interval


def format_table(table: pd.DataFrame, families: Sequence[str] | None = None) -> pd.DataFrame:
    """Turn a comparison table into text, one column per metric.

    Args:
        table: from `comparison_table`.
        families: keep the metrics of these families only (``"slice"``, ``"volume"``,
            ``"challenge"``); None keeps all.
    """
    metrics = known_metrics(map(str, table.columns))
    if families is not None:
        metrics = tuple(metric for metric in metrics if metric.family in families)
    rows = []
    for _, row in table.iterrows():
        measured = row["source"] == "medabl"
        label = row["label"] if measured else f"{row['label']}, {row['source']}"
        text = {"Method": str(label), "Epoch": CHECKPOINT_NAMES[str(row["epoch"])]}
        for metric in metrics:
            text[metric.heading] = " ".join(filter(None, format_cell(row, metric)))
        rows.append(text)
    return pd.DataFrame(rows)


def write_tables(
    table: pd.DataFrame, out_dir: str | os.PathLike[str], stem: str = "table"
) -> list[Path]:
    """Write a comparison table as CSV (all numbers), Markdown and LaTeX (formatted).

    Markdown and LaTeX hold two tables, since one would be too wide to read: the published
    protocol beside the 3D metrics, and the challenge's metrics.

    Args:
        table: from `comparison_table`.
        out_dir: an existing folder.
        stem: name of the files without their endings.

    Returns:
        the files written: ``<stem>.csv``, ``<stem>.md``, ``<stem>.tex``.
    """
    slices = "slice_dsc" in table or "slice_hd_rows" in table
    title = "Published slice-wise protocol (left, no distance in mm) beside 3D metrics. "
    parts = [((title if slices else "") + LEGEND, format_table(table, ("slice", "volume")))]
    challenge = format_table(table[table["source"] == "medabl"], ("challenge",))
    if len(challenge.columns) > 2:
        parts.append((f"Metrics of the WMH Segmentation Challenge. {LEGEND}", challenge))
    return write_frame(table, parts, Path(out_dir) / stem)
