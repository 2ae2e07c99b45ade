"""A table of the paper with our numbers under the published ones: Markdown, CSV, terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.table import Table

from medabl.experiments.measured import MeasuredRow
from medabl.experiments.published import PublishedTable
from medabl.files import atomic_path, write_text

_MOST_COLUMNS = 6


def write_table(
    table: PublishedTable, number: int, rows: Sequence[MeasuredRow], data: Path | None, out: Path
) -> None:
    """Write ``table.md``, to be read, and ``table.csv``, a line for each number.

    Args:
        table: as published.
        number: which of the paper's.
        rows: what the runs came to.
        data: the real data they are of, None for the generated miniature.
        out: the folder.
    """
    headings, lines = _lines(table, rows, data, [True] * len(table.columns))
    text = [f"# Table {number}: {table.title}", "", remark(table, data), ""]
    text += [_markdown(line) for line in (headings, ["---"] * len(headings), *lines)]
    write_text(out / "table.md", "\n".join(text) + "\n")
    with atomic_path(out / "table.csv") as temporary:
        _tidy(table, rows, data).to_csv(temporary, index=False)


def remark(table: PublishedTable, data: Path | None) -> str:
    """What the numbers are of."""
    unit = "Numbers in percent. " if table.percent else ""
    if data is None:
        trained = (
            f" and of {table.miniature.network} in place of the networks" if table.miniature else ""
        )
        networks = {str(row.run.get("net")) for row in table.rows if row.run}
        alike = " Rows that differ by the network only are therefore alike." * (len(networks) > 1)
        by_class = any(column.of != "all" for column in table.columns)
        lacking = " A dash: no picture of the miniature has the class." * by_class
        return (
            f"{unit}MINIATURE: our numbers are of small generated data{trained}, the published ones"
            f" of the {table.data}. They compare the losses with each other, not with the"
            f" paper.{alike}{lacking}"
        )
    return f"{unit}Our numbers are of {data}, the published ones of the {table.data}."


def terminal_table(
    table: PublishedTable, number: int, rows: Sequence[MeasuredRow], data: Path | None
) -> Table:
    """What fits a terminal: of many columns those that are no single class's."""
    wide = len(table.columns) > _MOST_COLUMNS
    shown = [not wide or column.of == "all" for column in table.columns]
    headings, lines = _lines(table, rows, data, shown)
    classes = " Class by class: table.md." * wide
    view = Table(title=f"Table {number}: {table.title}", caption=f"{remark(table, data)}{classes}")
    for heading in headings:
        text = heading in (*table.labels, "source")
        view.add_column(heading, justify="left" if text else "right", overflow="fold")
    for line in lines:
        view.add_row(*line, style="dim" if line[len(table.labels)].startswith("publ") else "")
    return view


def _lines(
    table: PublishedTable, rows: Sequence[MeasuredRow], data: Path | None, shown: Sequence[bool]
) -> tuple[list[str], list[list[str]]]:
    """Headings, and for every row a line of the published numbers and one of ours."""
    numbers = [column.heading for column, show in zip(table.columns, shown, strict=True) if show]
    lines = []
    for measured in rows:
        row = measured.row
        published = ["-" if number is None else _number(table, number) for number in row.published]
        ours = [
            _with_deviation(table, value, deviation)
            for value, deviation in zip(measured.values, measured.deviations, strict=True)
        ]
        own = "published, not run here" if row.run is None else "published"
        for source, cells in ((own, published), (_source(measured, data), ours)):
            if source:
                kept = [cell for cell, show in zip(cells, shown, strict=True) if show]
                lines.append([*row.label, source, *kept])
    return [*table.labels, "source", *numbers], lines


def _source(measured: MeasuredRow, data: Path | None) -> str:
    """What to call our line of a row; empty for a row that has none."""
    if measured.row.run is None:
        return ""
    where = "medabl, miniature" if data is None else "medabl"
    if measured.wanted == 0:
        return f"{where}: not in the sweep"
    if measured.runs < measured.wanted:
        return f"{where}: {measured.runs} of {measured.wanted} runs done"
    return where if measured.runs == 1 else f"{where}, {measured.runs} runs"


def _with_deviation(table: PublishedTable, value: float, deviation: float) -> str:
    if np.isnan(value):
        return "-"
    spread = "" if np.isnan(deviation) else f" ± {_number(table, deviation)}"
    return _number(table, value) + spread


def _number(table: PublishedTable, value: float) -> str:
    return f"{value:.2f}" if table.percent else f"{value:.3f}"


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _tidy(table: PublishedTable, rows: Sequence[MeasuredRow], data: Path | None) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **dict(zip(table.labels, measured.row.label, strict=True)),
                "metric": column.metric or measured.row.metric,
                "class": column.of,
                "published": published,
                "medabl": value,
                "sd": deviation,
                "runs": measured.runs,
                "data": "miniature" if data is None else str(data),
            }
            for measured in rows
            for column, published, value, deviation in zip(
                table.columns,
                measured.row.published,
                measured.values,
                measured.deviations,
                strict=True,
            )
        ]
    )
