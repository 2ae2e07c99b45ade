"""A report on disk: the page, its tables and its figures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from medabl.errors import InputError
from medabl.files import check_writable, write_text
from medabl.report.analysis import Analysis, analyse
from medabl.report.comparable import check_comparable
from medabl.report.figures import (
    bland_altman,
    box_plots,
    detection_curves,
    difference_plots,
    gallery_rows,
    interval_plot,
    subject_gallery,
    training_curves,
    training_details,
)
from medabl.report.interpretation import answer
from medabl.report.load import find_runs
from medabl.report.markup import escape_markdown, write_frame
from medabl.report.page import render_page
from medabl.report.png import save_png
from medabl.report.pooled import write_pooled_report
from medabl.report.svg import freeze_layout, render_svg
from medabl.report.tables import (
    agreement_table,
    class_table,
    comparison_table,
    detection_table,
    format_agreement,
    format_classes,
    format_detection,
    write_ranks,
    write_tables,
    write_tests,
)


def write_report(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    reference: str | None = None,
    published: bool = True,
    decides: str = "best",
) -> Path:
    """Compare runs and write the report.

    Writes ``report.html`` (self-contained), ``answer.md`` (what it means in sentences), the
    tables ``table``, ``classes``, ``tests``, ``ranks``, ``detection`` and ``agreement`` (each
    ``.csv``, ``.md`` and ``.tex``) and ``figures/`` (each ``.png`` and, but for the subjects,
    ``.svg``). Everything is computed before the first file is written, every file is whole or
    not there, and the page comes last. Of runs on pictures or videos, whose metrics are numbers of
    the whole set, it writes what these tell: `write_pooled_report`.

    Args:
        paths: run folders, folders that hold them, or evaluation CSVs (see `load_runs`).
        out: folder to write to; made when missing, and files of an older report are replaced.
        reference: method that the others are compared with; None compares every pair of up to
            five methods, and more with the first.
        published: show the published numbers of the same losses, where the subjects are the WMH
            challenge's or the phantom's.
        decides: the epoch the verdict rests on, ``"best"`` or ``"last"`` (see `analyse`).

    Returns:
        the path of ``report.html``.

    Raises:
        InputError: the runs cannot be compared (see `load_runs`), `reference` is no method, or
            `out` cannot be written to.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder for the report.")
    check_writable(folder)
    found = find_runs(paths)
    if any(run.pooled for run in found.runs):
        return write_pooled_report(found, folder, reference)
    check_comparable(found)
    analysis = analyse(found, reference, decides=decides)
    table = comparison_table(analysis.runs, published)
    gallery = gallery_rows(analysis.runs, analysis.main_checkpoint)
    figures = draw_figures(analysis)
    for figure in figures.values():
        freeze_layout(figure)
    drawings = {name: render_svg(figure, name) for name, figure in figures.items()}
    trouble = ""
    try:
        if gallery:
            figures["subjects"] = subject_gallery(gallery)
    except InputError as error:
        # The numbers stand without pictures; a scan that was moved or resampled must not hide them.
        gallery, trouble = [], str(error)
    page = render_page(analysis, table, drawings, gallery, trouble)
    said = "\n\n".join(map(escape_markdown, answer(analysis).lines)) + "\n"
    try:
        _write_tables(analysis, table, folder)
        for name, figure in figures.items():
            save_png(figure, folder / "figures" / f"{name}.png")
        for name, drawing in drawings.items():
            write_text(folder / "figures" / f"{name}.svg", drawing)
        write_text(folder / "answer.md", said)
        write_text(folder / "report.html", page)
    except OSError as error:
        raise InputError(f"The report cannot be written to {folder}: {error}") from error
    return folder / "report.html"


def draw_figures(analysis: Analysis) -> dict[str, Figure]:
    """Draw every figure the runs have data for, by file name."""
    runs, checkpoint = analysis.runs, analysis.main_checkpoint
    mine = [c for c in analysis.comparisons if c.checkpoint == checkpoint]
    drawn = {
        "intervals": interval_plot(runs, analysis.of(runs.primary, checkpoint)),
        "training_curves": training_curves(runs),
        "training_details": training_details(runs),
        "boxes": box_plots(runs, checkpoint),
        "differences": difference_plots(runs, mine),
        "detection": detection_curves(runs, detection_table(runs, checkpoint)),
        "bland_altman": bland_altman(runs, checkpoint),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _write_tables(analysis: Analysis, table: pd.DataFrame, folder: Path) -> None:
    runs, checkpoint = analysis.runs, analysis.main_checkpoint
    write_tables(table, folder)
    if analysis.comparisons:
        write_tests(analysis, folder)
        write_ranks(analysis, folder)
    captioned = {
        "classes": (
            class_table(runs),
            format_classes,
            "Every class by itself: mean ± standard deviation over seeds [95 % bootstrap interval "
            "over subjects].",
        ),
        "detection": (
            detection_table(runs, checkpoint),
            format_detection,
            f"Share of reference {runs.component}s detected, by volume, with 95 % Wilson "
            f"intervals; a {runs.component} counts once, whatever the number of seeds.",
        ),
        "agreement": (
            agreement_table(runs, checkpoint),
            format_agreement,
            f"Predicted minus reference {runs.structure} volume over subjects, seeds averaged "
            "(Bland-Altman).",
        ),
    }
    for stem, (numbers, to_text, caption) in captioned.items():
        if not numbers.empty:
            write_frame(numbers, [(caption, to_text(numbers))], folder / stem)
