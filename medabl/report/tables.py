"""The comparison as tables: a row a method and epoch, published numbers beside measured ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medabl.report.analysis import Analysis
from medabl.report.bootstrap import mean_interval
from medabl.report.columns import Metric, known_metrics
from medabl.report.markup import write_frame
from medabl.report.runs import Runs
from medabl.report.slice_protocol import LOGGED, logged_slice_metrics
from medabl.report.verdict import CHECKPOINT_NAMES

PUBLISHED_SOURCE = "published (Wang et al. 2022)"
# Slice DSC and slice HD-rows on the 60 training subjects of the WMH challenge, 50/10 split.
PUBLISHED = {
    "gdl": ("GDL", 0.727, 1.045),
    "gdl_bl": ("GDL + BL", 0.748, 0.987),
    "gdl_abl": ("GDL + ABL", 0.768, 0.980),
}


def comparison_table(runs: Runs) -> pd.DataFrame:
    """Summarise every method at every checkpoint.

    Returns:
        a row a method and checkpoint: ``method, label, epoch, source, seeds, subjects`` and, for
        each metric, its mean over seeds (of the means over subjects) under the metric's own name,
        the standard deviation over seeds as ``*_sd`` (NaN for one seed), the 95 % bootstrap
        interval over subjects as ``*_low, *_high``, and how many values are missing as
        ``*_missing``. Slice-wise metrics of runs with a log are those of the log, over all
        slices at once (`logged_slice_metrics`), without an interval. The
        published results of the same losses are rows of their own.
    """
    rows = []
    for method, label in runs.methods.items():
        if method in PUBLISHED:
            rows.append(_published_row(method))
        for checkpoint in _checkpoints(runs, method):
            rows.append(_measured_row(runs, method, label, checkpoint))
    return pd.DataFrame(rows)


def _checkpoints(runs: Runs, method: str) -> Sequence[str]:
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
        # A CSV answers for any checkpoint, so the first one stands for it.
        wide = runs.values(metric, runs.checkpoints[0] if checkpoint == "file" else checkpoint)
        values = wide[method]
        row["subjects"] = len(values)
        by_seed = values.mean(axis=0)
        low, high = mean_interval(values.to_numpy())
        row[metric.column] = by_seed.mean()
        row[f"{metric.column}_sd"] = by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan
        row[f"{metric.column}_low"] = low
        row[f"{metric.column}_high"] = high
        row[f"{metric.column}_missing"] = int(values.isna().to_numpy().sum())
    logged = logged_slice_metrics(runs, method, checkpoint)
    if logged:
        no_interval = {f"{name}_{end}": np.nan for name in LOGGED for end in ("low", "high")}
        row |= {**logged, **no_interval}
    return row


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
    """Turn a comparison table into text, one column a metric.

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

    Returns:
        the files written: ``<stem>.csv``, ``<stem>.md``, ``<stem>.tex``.
    """
    parts = [
        (
            f"Published slice-wise protocol (left, no distance in mm) beside 3D metrics. {_LEGEND}",
            format_table(table, ("slice", "volume")),
        )
    ]
    challenge = format_table(table[table["source"] == "medabl"], ("challenge",))
    if len(challenge.columns) > 2:
        parts.append((f"Metrics of the WMH Segmentation Challenge. {_LEGEND}", challenge))
    return write_frame(table, parts, Path(out_dir) / stem)


_LEGEND = (
    "Mean ± standard deviation over seeds [95 % bootstrap interval over subjects]; arrows point "
    "to better values."
)


def comparisons_table(analysis: Analysis) -> pd.DataFrame:
    """Give every comparison as a row of numbers."""
    rows = []
    for c in analysis.comparisons:
        labels = analysis.runs.methods
        rows.append(
            {
                "metric": c.metric.column,
                "epoch": c.checkpoint,
                "method": labels[c.method],
                "reference": labels[c.reference],
                "subjects": c.subjects,
                "dropped_subjects": c.dropped,
                "missing_values": c.missing,
                "seeds": c.seeds,
                "mean_difference": c.difference,
                "difference_low": c.low,
                "difference_high": c.high,
                "rank_biserial": c.rank_biserial,
                "rank_biserial_low": c.rank_biserial_low,
                "rank_biserial_high": c.rank_biserial_high,
                "wilcoxon_statistic": c.statistic,
                "p_value": c.p_value,
                "p_holm": c.p_holm,
                "comparisons_corrected_for": c.family,
                "distinguishable": c.distinguishable,
            }
        )
    return pd.DataFrame(rows)


def format_tests(analysis: Analysis, checkpoint: str) -> pd.DataFrame:
    """Give the comparisons at one checkpoint as text."""
    labels = analysis.runs.methods
    rows = []
    for c in analysis.comparisons:
        if c.checkpoint != checkpoint:
            continue
        f, signed = c.metric.format, True
        interval = f"[{f(c.low, signed)}, {f(c.high, signed)}]"
        effect = f"{c.rank_biserial:+.2f}".replace("-", "\N{MINUS SIGN}")
        rows.append(
            {
                "Metric": c.metric.heading,
                "Comparison": f"{labels[c.method]} \N{MINUS SIGN} {labels[c.reference]}",
                "Mean difference": f"{f(c.difference, signed)}",
                "95 % interval": "\N{EN DASH}" if c.low != c.low else interval,
                "Rank-biserial": "\N{EN DASH}" if c.rank_biserial != c.rank_biserial else effect,
                "p": _number(c.p_value),
                "p (Holm)": _number(c.p_holm),
                "Subjects": str(c.subjects) + (f" ({c.dropped} left out)" if c.dropped else ""),
                "Better": labels[str(c.better)] if c.distinguishable else "",
            }
        )
    return pd.DataFrame(rows)


def _number(p: float) -> str:
    if p != p:
        return "\N{EN DASH}"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def write_tests(
    analysis: Analysis, out_dir: str | os.PathLike[str], stem: str = "tests"
) -> list[Path]:
    """Write every comparison as CSV, Markdown and LaTeX."""
    parts = [
        (
            f"Paired comparisons ({CHECKPOINT_NAMES[checkpoint]}): mean difference over subjects "
            "with 95 % bootstrap interval over subjects and seeds, matched-pairs rank-biserial "
            "correlation, Wilcoxon signed-rank p-values.",
            format_tests(analysis, checkpoint),
        )
        for checkpoint in analysis.runs.checkpoints
    ]
    return write_frame(comparisons_table(analysis), parts, Path(out_dir) / stem)


def ranks_table(analysis: Analysis) -> pd.DataFrame:
    """Give rank stability on the deciding metric as numbers, a row a method and checkpoint."""
    frames = [
        ranks.assign(label=list(analysis.runs.methods.values()), epoch=checkpoint).reset_index()
        for checkpoint, ranks in analysis.ranks.items()
    ]
    table = pd.concat(frames, ignore_index=True)
    table.insert(0, "metric", analysis.runs.primary.column)
    return table


def format_ranks(analysis: Analysis) -> pd.DataFrame:
    """Give rank stability as text."""
    rows = []
    for _, row in ranks_table(analysis).iterrows():
        text = {"Method": row["label"], "Epoch": CHECKPOINT_NAMES[row["epoch"]]}
        text["Rank by mean"] = "\N{EN DASH}" if pd.isna(row["rank"]) else f"{row['rank']:g}"
        known = not pd.isna(row["first"])
        text["Ranks first in"] = f"{row['first']:.0%}" if known else "\N{EN DASH}"
        span = f"{row['rank_low']:g} to {row['rank_high']:g}"
        text["Rank, 95 % of resamples"] = span if known else "\N{EN DASH}"
        rows.append(text)
    return pd.DataFrame(rows)


def write_ranks(
    analysis: Analysis, out_dir: str | os.PathLike[str], stem: str = "ranks"
) -> list[Path]:
    """Write rank stability as CSV, Markdown and LaTeX."""
    caption = f"Ranks by mean {analysis.runs.primary.label} under resampling of subjects and seeds."
    parts = [(caption, format_ranks(analysis))]
    return write_frame(ranks_table(analysis), parts, Path(out_dir) / stem)
