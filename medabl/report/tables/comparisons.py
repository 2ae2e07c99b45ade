"""Paired comparisons as tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medabl.report.analysis import Analysis
from medabl.report.markup import write_frame
from medabl.report.words import CHECKPOINT_NAMES


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
                "smallest_possible_p": c.smallest_p,
                "detectable_difference": c.detectable,
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
                "Detectable": "\N{EN DASH}" if c.detectable != c.detectable else f(c.detectable),
                "Subjects": str(c.subjects) + (f" ({c.dropped} left out)" if c.dropped else ""),
                "Better": labels[str(c.better)] if c.distinguishable else "",
            }
        )
    return pd.DataFrame(rows)


def _number(p: float) -> str:
    if p != p:
        return "\N{EN DASH}"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def write_tests(analysis: Analysis, out_dir: Path) -> list[Path]:
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
    return write_frame(comparisons_table(analysis), parts, out_dir / "tests")
