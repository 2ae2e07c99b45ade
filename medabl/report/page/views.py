"""Numbers arranged as the templates show them: rows, cells and pictures, all plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from medabl.report.analysis import Analysis
from medabl.report.columns import Metric
from medabl.report.figures import GalleryRow, gallery_tiles
from medabl.report.png import png_data_uri
from medabl.report.tables import format_cell
from medabl.report.tables.classes import shown_metrics
from medabl.report.words import CHECKPOINT_NAMES, shortened


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and a second line in small print."""

    text: str
    small: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        heads: texts of row headings with the number of rows each spans.
        cells: the cells after them.
        group: whether a rule is drawn above it.
        published: whether its numbers are someone else's.
    """

    heads: tuple[tuple[str, int], ...]
    cells: tuple[Cell, ...]
    group: bool = False
    published: bool = False


@dataclass(frozen=True)
class Table:
    """A table: headings with an arrow that stays at the word before it, and rows."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Tile:
    """A picture as a ``data:`` address with what to say about it."""

    address: str
    alt: str
    caption: Cell


def metric_view(table: pd.DataFrame, metrics: Sequence[Metric]) -> Table:
    """Arrange a comparison table, one column per metric and a heading per method."""
    heads = (("Method", ""), ("Epoch", ""))
    return _grouped(table, metrics, heads, "method", "label")


def class_view(table: pd.DataFrame) -> Table | None:
    """Arrange a table of classes, a heading per class; None for an empty one."""
    if table.empty:
        return None
    heads = (("Class", ""), ("Method", ""), ("Epoch", ""))
    return _grouped(table, shown_metrics(table), heads, "class", "class")


def _grouped(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    heads: tuple[tuple[str, str], ...],
    key: str,
    title: str,
) -> Table:
    sizes = table[key].value_counts()
    rows = []
    previous = None
    for _, row in table.iterrows():
        first = row[key] != previous
        cells = [Cell(str(row["label"]))] if title != "label" else []
        cells.append(_epoch_cell(row))
        cells += [Cell(*format_cell(row, metric)) for metric in metrics]
        rows.append(
            Row(
                heads=((str(row[title]), int(sizes[row[key]])),) if first else (),
                cells=tuple(cells),
                group=first and previous is not None,
                published=row.get("source", "medabl") != "medabl",
            )
        )
        previous = row[key]
    arrows = tuple((metric.name_with_unit, metric.heading[-1]) for metric in metrics)
    return Table(heads + arrows, tuple(rows))


def _epoch_cell(row: pd.Series) -> Cell:
    if row.get("source", "medabl") != "medabl":
        return Cell("published", "Wang et al. 2022")
    return Cell(CHECKPOINT_NAMES[str(row["epoch"])].removesuffix(" epoch"))


def frame_view(frame: pd.DataFrame, groups: str | None = None) -> Table | None:
    """Arrange a frame of text; a rule is drawn where the column `groups` changes.

    Returns:
        None for an empty frame.
    """
    if frame.empty:
        return None
    rows = []
    previous = None
    for record in frame.to_dict("records"):
        texts = [str(value) for value in record.values()]
        key = None if groups is None else record[groups]
        repeated = groups is not None and key == previous
        rows.append(
            Row(
                heads=(("" if repeated else texts[0], 1),),
                cells=tuple(map(Cell, texts[1:])),
                group=previous is not None and key != previous,
            )
        )
        previous = key
    return Table(tuple((str(column), "") for column in frame.columns), tuple(rows))


def subjects_view(gallery: Sequence[GalleryRow]) -> list[tuple[str, list[Tile]]]:
    """Give every subject's title and its pictures."""
    return [(row.title, _tiles(row)) for row in gallery]


def _tiles(row: GalleryRow) -> list[Tile]:
    plain, outlined = gallery_tiles(row)
    alt = f"{row.title}, axial slice without outlines"
    tiles = [Tile(png_data_uri(plain, dpi=160), alt, Cell(row.image_title))]
    for name, figure in outlined.items():
        alt = f"{row.title}, axial slice with the prediction of {name}"
        caption = Cell(name, row.notes.get(name, ""))
        tiles.append(Tile(png_data_uri(figure, dpi=160), alt, caption))
    return tiles


def ranks_in_words(analysis: Analysis) -> str:
    """Say how often the methods rank first, the most frequent first where there are many."""
    methods = analysis.runs.methods
    shares = analysis.ranks[analysis.main_checkpoint]["first"].dropna()
    if len(shares) > 4:
        shares = shares[shares >= 0.005].sort_values(ascending=False, kind="stable")
    return shortened([f"{methods[str(m)]} {share:.0%}" for m, share in shares.items()], 6)
