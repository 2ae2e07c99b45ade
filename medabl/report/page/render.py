"""The page from its templates; all text is escaped by the engine, not by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medabl import __version__
from medabl.report.analysis import Analysis
from medabl.report.figures import GalleryRow
from medabl.report.interpretation import Answer, answer
from medabl.report.page.provenance import provenance
from medabl.report.page.views import (
    class_view,
    frame_view,
    metric_view,
    ranks_in_words,
    subjects_view,
)
from medabl.report.svg import embed_svg
from medabl.report.tables import (
    agreement_table,
    class_table,
    detection_table,
    format_agreement,
    format_detection,
    format_ranks,
    format_tests,
)
from medabl.report.words import CHECKPOINT_NAMES, capitalised, count, listed

# The columns of the first screen; the complete table follows below.
_COMPACT = ("dsc", "hd95_mm", "slice_dsc")
# More names or sentences than these are counted or folded away on the first screen.
_FEW = 4


def render_page(
    analysis: Analysis,
    table: pd.DataFrame,
    figures: Mapping[str, str],
    gallery: Sequence[GalleryRow],
    gallery_trouble: str = "",
) -> str:
    """Write the page.

    Args:
        analysis: from `analyse`.
        table: from `comparison_table`.
        figures: SVG text by the names `medabl.report.write` gives the figures; a missing one
            leaves its section out.
        gallery: subjects to show; empty leaves the gallery out.
        gallery_trouble: why there is no gallery although there should be one.
    """
    runs = analysis.runs
    classes = class_table(runs)
    sections = {
        "numbers": "All numbers",
        "classes": "Classes" if not classes.empty else "",
        "training": "Training" if "training_curves" in figures else "",
        "tests": "Tests" if analysis.comparisons else "",
        "sizes": f"{capitalised(runs.component)} size" if "detection" in figures else "",
        "volume": f"{capitalised(runs.structure)} volume" if "bland_altman" in figures else "",
        "subjects": "Subjects" if gallery or gallery_trouble else "",
        "provenance": "Provenance",
    }
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            **_first_screen(analysis, answer(analysis), table),
            sections={name: title for name, title in sections.items() if title},
            runs=runs,
            primary=runs.primary,
            reference=analysis.reference,
            main=analysis.main_checkpoint,
            when=capitalised(CHECKPOINT_NAMES[analysis.main_checkpoint]),
            figures=figures,
            numbers=_numbers(analysis, table),
            classes=class_view(classes),
            tests=_tests(analysis),
            family=len(analysis.of(runs.primary, analysis.main_checkpoint)),
            detection=frame_view(format_detection(detection_table(runs, analysis.main_checkpoint))),
            agreement=frame_view(format_agreement(agreement_table(runs, analysis.main_checkpoint))),
            subjects=subjects_view(gallery),
            gallery_trouble=gallery_trouble,
            provenance=provenance(analysis),
        )
    )


@cache
def page_environment() -> Environment:
    """The templates of pages, and what they call."""
    environment = Environment(
        loader=PackageLoader("medabl.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = resources.files("medabl.report").joinpath("page/style.css")
    environment.globals["style"] = Markup(style.read_text(encoding="utf-8"))
    environment.globals["version"] = __version__
    # The drawing escapes its own text, being XML.
    environment.globals["embed"] = lambda svg, name, alt: Markup(embed_svg(svg, name, alt))
    environment.filters["capitalised"] = capitalised
    environment.filters["listed"] = listed
    return environment


def _first_screen(analysis: Analysis, found: Answer, table: pd.DataFrame) -> dict[str, Any]:
    runs = analysis.runs
    labels = list(runs.methods.values())
    seeds = sorted({len(runs.seeds(method)) for method in runs.methods})
    spread = f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else count(seeds[0], "seed")
    subjects = runs.subjects(analysis.main_checkpoint)["subject"].nunique()
    metrics = [metric for metric in runs.metrics if metric.column in _COMPACT]
    metrics.sort(key=lambda metric: (metric != runs.primary, _COMPACT.index(metric.column)))
    measured = table[table["source"] == "medabl"]
    few = len(labels) <= _FEW
    metrics = (metrics or [runs.primary])[: None if few else 2]
    return {
        "found": found,
        "title": " vs ".join(labels) if few else count(len(labels), "method"),
        "compared": listed(labels) if few else count(len(labels), "method"),
        "sample": f"{count(subjects, 'subject')}, {spread} each",
        "compact": metric_view(measured, metrics),
        "ranks": ranks_in_words(analysis),
        "fold_details": len(found.details) > _FEW,
    }


def _numbers(analysis: Analysis, table: pd.DataFrame) -> dict[str, Any]:
    runs = analysis.runs
    general = [metric for metric in runs.metrics if metric.family != "challenge"]
    challenge = [metric for metric in runs.metrics if metric.family == "challenge"]
    measured = table[table["source"] == "medabl"]
    return {
        "general": metric_view(table, general) if general else None,
        "challenge": metric_view(measured, challenge) if challenge else None,
        "slices": any(metric.family == "slice" for metric in general),
        "published": len(measured) < len(table),
    }


def _tests(analysis: Analysis) -> dict[str, Any] | None:
    if not analysis.comparisons:
        return None
    by_epoch = {
        checkpoint: {
            "name": capitalised(CHECKPOINT_NAMES[checkpoint]),
            "table": frame_view(format_tests(analysis, checkpoint), groups="Metric"),
        }
        for checkpoint in analysis.runs.checkpoints
    }
    return {"by_epoch": by_epoch, "ranks": frame_view(format_ranks(analysis))}
