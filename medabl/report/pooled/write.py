"""A report on pictures or videos, on disk."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medabl.errors import InputError
from medabl.files import write_text
from medabl.report.comparisons import pick_reference
from medabl.report.figures import training_curves, training_details
from medabl.report.markup import escape_markdown, write_frame
from medabl.report.page import page_environment
from medabl.report.page.provenance import runs_in_words, versions
from medabl.report.page.views import frame_view
from medabl.report.png import save_png
from medabl.report.pooled.answer import EPOCH, deciding_metric, pooled_answer
from medabl.report.pooled.metrics import is_compact, pooled_metric
from medabl.report.pooled.tables import (
    class_metric_names,
    format_classes,
    format_methods,
    means,
    pooled_table,
)
from medabl.report.runs import Runs
from medabl.report.svg import freeze_layout, render_svg
from medabl.report.words import count, listed

_FEW = 4
_SECTIONS = {
    "set_numbers": "All numbers",
    "set_classes": "Classes",
    "training": "Training",
    "provenance": "Provenance",
}


def write_pooled_report(runs: Runs, folder: Path, reference: str | None) -> Path:
    """Write a report on runs whose metrics are of whole sets.

    Writes ``report.html``, ``answer.md``, the tables ``table`` and ``classes`` (each ``.csv``,
    ``.md`` and ``.tex``) and ``figures/``.

    Args:
        runs: from `find_runs`.
        folder: where to.
        reference: method that the others are compared with; None: the first.

    Returns:
        the path of ``report.html``.

    Raises:
        InputError: if some of the runs are of scans, they are of different tasks, or `reference` is
            no method.
    """
    _check_alike(runs)
    first = pick_reference(runs, reference)
    table = pooled_table(runs)
    found = pooled_answer(runs, table, first)
    figures = {"training_curves": training_curves(runs), "training_details": training_details(runs)}
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    for figure in drawn.values():
        freeze_layout(figure)
    drawings = {name: render_svg(figure, name) for name, figure in drawn.items()}
    names = list(dict.fromkeys(means(table)["metric"]))
    compact = [name for name in names if is_compact(name)] or [deciding_metric(runs, table)]
    classes = {
        pooled_metric(name).heading: format_classes(table, name, EPOCH)
        for name in class_metric_names(table)
    }
    labels = list(runs.methods.values())
    compared = listed(labels) if len(labels) <= _FEW else count(len(labels), "method")
    page = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            found=found,
            compared=compared,
            title=compared,
            sample=count(len(runs.runs), "run"),
            compact=frame_view(format_methods(table, compact), groups="Method"),
            fold_details=len(found.details) > _FEW,
            sections={k: v for k, v in _SECTIONS.items() if drawn or k != "training"},
            numbers=frame_view(format_methods(table, names), groups="Method"),
            classes={heading: frame_view(text) for heading, text in classes.items()},
            figures=drawings,
            provenance=_provenance(runs),
        )
    )
    try:
        _write_tables(table, names, classes, folder)
        for name, figure in drawn.items():
            save_png(figure, folder / "figures" / f"{name}.png")
            write_text(folder / "figures" / f"{name}.svg", drawings[name])
        write_text(folder / "answer.md", "\n\n".join(map(escape_markdown, found.lines)) + "\n")
        write_text(folder / "report.html", page)
    except OSError as error:
        raise InputError(f"The report cannot be written to {folder}: {error}") from error
    return folder / "report.html"


def _check_alike(runs: Runs) -> None:
    scans = next((run for run in runs.runs if not run.pooled), None)
    if scans is not None:
        raise InputError(
            f"{scans.name} is of scans and other runs are of pictures or videos: report on them one"
            " by one."
        )
    tasks = sorted({run.task.name for run in runs.runs if run.task is not None})
    if len(tasks) > 1:
        raise InputError(f"The runs are of the tasks {listed(tasks)}: report on them one by one.")
    without = next((run for run in runs.runs if EPOCH not in run.pooled), None)
    if without is not None:
        raise InputError(f"The run in {without.folder} has no natural_metrics.csv: evaluate it.")


def _write_tables(
    table: pd.DataFrame, names: list[str], classes: dict[str, pd.DataFrame], folder: Path
) -> None:
    caption = "Of the whole set; mean ± standard deviation over the runs where there are several."
    write_frame(means(table), [(caption, format_methods(table, names))], folder / "table")
    captioned = [(f"{heading} at the last epoch.", text) for heading, text in classes.items()]
    write_frame(table.drop(means(table).index), captioned, folder / "classes")


def _provenance(runs: Runs) -> list[tuple[str, list[str]]]:
    task = runs.task
    data = list(dict.fromkeys(run.data for run in runs.runs))
    facts = [("Runs", runs_in_words(runs)), ("Data", data), ("Versions", [versions(runs)])]
    if task is not None:
        facts.insert(1, ("Task", [f"{task.name}: {count(len(task.classes), 'class')}"]))
    if runs.unfinished:
        facts.append(("Left out", [f"{name} ({status})" for name, status in runs.unfinished]))
    return facts
