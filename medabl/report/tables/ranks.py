"""Rank stability as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medabl.report.analysis import Analysis
from medabl.report.markup import write_frame
from medabl.report.words import CHECKPOINT_NAMES


def ranks_table(analysis: Analysis) -> pd.DataFrame:
    """Give rank stability on the deciding metric as numbers, one row per method and checkpoint."""
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


def write_ranks(analysis: Analysis, out_dir: Path) -> list[Path]:
    """Write rank stability as CSV, Markdown and LaTeX."""
    caption = f"Ranks by mean {analysis.runs.primary.label} under resampling of subjects and seeds."
    parts = [(caption, format_ranks(analysis))]
    return write_frame(ranks_table(analysis), parts, out_dir / "ranks")
