"""``report.html``: one file that answers first and proves below, without scripts or fetches."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from medabl import __version__
from medabl.report.agreement import agreement_table, format_agreement
from medabl.report.analysis import Analysis
from medabl.report.columns import Metric
from medabl.report.detection import detection_by_size, format_detection
from medabl.report.figures.gallery import GalleryRow, gallery_tiles
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR
from medabl.report.inline import embed_svg, to_png_uri
from medabl.report.runs import Runs
from medabl.report.stylesheet import CSS
from medabl.report.tables import (
    format_cell,
    format_ranks,
    format_tests,
)
from medabl.report.verdict import CHECKPOINT_NAMES, Answer, answer, count, listed

# The columns of the first screen; the complete table follows below.
_COMPACT = ("dsc", "hd95_mm", "slice_dsc")


def render_page(
    analysis: Analysis,
    table: pd.DataFrame,
    figures: dict[str, str],
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
    found = answer(analysis)
    sections = [
        ("table", "All numbers", _numbers(analysis, table)),
        ("training", "Training", _training(figures)),
        ("tests", "Tests", _tests(analysis, figures)),
        ("sizes", "Lesion size", _sizes(analysis, figures)),
        ("volume", "Lesion volume", _volume(analysis, figures)),
        ("subjects", "Subjects", _gallery(gallery, analysis, gallery_trouble)),
        ("provenance", "Provenance", _provenance(analysis)),
    ]
    shown = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in shown)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{title}</h2>{content}</section>\n'
        for name, title, content in shown
    )
    title = " vs ".join(analysis.runs.methods.values())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: medabl report</title>\n"
        # An inlined empty icon keeps browsers from asking for /favicon.ico.
        '<link rel="icon" href="data:,">\n'
        f"<style>{CSS}</style>\n</head>\n<body>\n"
        f"<header>{_opening(analysis, found)}</header>\n<main>\n"
        f"{_first_screen(analysis, found, table, figures)}"
        f'<nav aria-label="Sections">{links}</nav>\n{body}</main>\n'
        f"<footer>medabl {escape(__version__)}. How each number is computed: docs/report.md and "
        "docs/metrics.md of medabl.</footer>\n</body>\n</html>\n"
    )


def _opening(analysis: Analysis, found: Answer) -> str:
    runs = analysis.runs
    table = runs.subjects(analysis.main_checkpoint)
    seeds = sorted({len(runs.seeds(method)) for method in runs.methods})
    spread = f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else count(seeds[0], "seed")
    sample = f"{count(table['subject'].nunique(), 'subject')}, {spread} each"
    names = escape(listed(list(runs.methods.values())))
    return (
        f'<p class="kicker">{names} · {sample}</p><h1>{escape(found.headline)}</h1>'
        f'<p class="certainty">{escape(found.certainty)}</p>'
    )


def _first_screen(
    analysis: Analysis, found: Answer, table: pd.DataFrame, figures: dict[str, str]
) -> str:
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in found.warnings)
    details = "".join(f"<li>{escape(text)}</li>" for text in found.details)
    runs = analysis.runs
    metrics = [metric for metric in runs.metrics if metric.column in _COMPACT]
    metrics.sort(key=lambda metric: (metric != runs.primary, _COMPACT.index(metric.column)))
    measured = table[table["source"] == "medabl"]
    compact = _metric_table(measured, metrics or [runs.primary], "compact", intervals=False)
    shares = analysis.ranks[analysis.main_checkpoint]["first"]
    plot = ""
    if "intervals" in figures:
        ranks = "; ".join(
            f"{runs.methods[str(method)]} {share:.0%}"
            for method, share in shares.items()
            if share == share
        )
        plot = _figure(
            figures["intervals"],
            "intervals",
            f"Paired differences in {runs.primary.label} with 95 % intervals",
            "Small dots: subjects, seeds averaged. Large dot and bar: mean and 95 % interval over "
            "subjects and seeds; blue and filled where test and interval call it more than noise."
            + (f" Ranks first in resamples: {ranks}." if ranks else ""),
        )
    return (
        f'<section class="first" aria-label="The answer"><div>{warnings}{compact}</div>'
        f'<div>{plot}</div></section>\n<ul class="plain">{details}</ul>\n'
    )


def _numbers(analysis: Analysis, table: pd.DataFrame) -> str:
    runs = analysis.runs
    left = [metric for metric in runs.metrics if metric.family != "challenge"]
    right = [metric for metric in runs.metrics if metric.family == "challenge"]
    text = (
        "<p>Mean over seeds ± standard deviation over seeds; in brackets the 95 % bootstrap "
        "interval over subjects. Arrows point to better values."
    )
    if any(metric.family == "slice" for metric in left):
        text += (
            " <strong>Slice DSC</strong> and <strong>slice HD-rows</strong> follow the published "
            "slice-wise protocol and compare with published tables only: an empty slice predicted "
            "empty counts 1, and HD-rows is no distance in mm."
        )
    text += "</p>"
    if (table["source"] != "medabl").any():
        text += (
            '<p class="note">Published rows (Wang et al. 2022) were measured on 10 subjects of the '
            "WMH Segmentation Challenge; they compare directly only with runs on the same data.</p>"
        )
    if "best" in runs.checkpoints:
        text += (
            '<p class="note">The best epoch is chosen on the very subjects it is judged on, as in '
            "the published protocol, and is therefore optimistic; the last epoch is not chosen.</p>"
        )
    text += _metric_table(table, left, "full", intervals=True) if left else ""
    if right:
        measured = table[table["source"] == "medabl"]
        text += "<h3>Metrics of the WMH Segmentation Challenge</h3>"
        text += _metric_table(measured, right, "full", intervals=True)
    return text


def _metric_table(
    table: pd.DataFrame, metrics: Sequence[Metric], kind: str, intervals: bool
) -> str:
    # The arrow stays with the word before it when a heading breaks.
    names = [escape(metric.heading)[:-2] + f"&nbsp;{metric.heading[-1]}" for metric in metrics]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    sizes = table["method"].value_counts()
    previous = None
    for _, row in table.iterrows():
        first = row["method"] != previous
        classes = ["published"] if row["source"] != "medabl" else []
        classes += ["group"] if first and previous is not None else []
        previous = row["method"]
        name = ""
        if first:
            label = escape(str(row["label"]))
            name = f'<th scope="rowgroup" rowspan="{sizes[row["method"]]}">{label}</th>'
        cells = [f"<td>{_epoch_cell(row)}</td>"]
        for metric in metrics:
            mean, interval = format_cell(row, metric)
            small = f"<small>{escape(interval)}</small>" if intervals and interval else ""
            cells.append(f"<td>{escape(mean)}{small}</td>")
        css = f' class="{" ".join(classes)}"' if classes else ""
        rows.append(f"<tr{css}>{name}{''.join(cells)}</tr>")
    return _scroll(
        f'<table class="{kind}"><thead><tr><th scope="col">Method</th><th scope="col">Epoch</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>",
        "Table of metrics",
    )


def _epoch_cell(row: pd.Series) -> str:
    if row["source"] == "medabl":
        return escape(CHECKPOINT_NAMES[str(row["epoch"])].removesuffix(" epoch"))
    return "published<small>Wang et al. 2022</small>"


def _plain_table(frame: pd.DataFrame, name: str, groups: str | None = None) -> str:
    """Write a frame of text; a rule is drawn where the column `groups` changes."""
    head = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in frame.columns)
    rows = []
    previous = None
    for record in frame.to_dict("records"):
        cells = [str(value) for value in record.values()]
        key = None if groups is None else record[groups]
        css = ' class="group"' if previous is not None and key != previous else ""
        if groups is not None and key == previous:
            cells[0] = ""
        previous = key
        first = f'<th scope="row">{escape(cells[0])}</th>'
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
        rows.append(f"<tr{css}>{first}{rest}</tr>")
    return _scroll(
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>", name
    )


def _scroll(table: str, name: str) -> str:
    """Let a wide table scroll sideways by itself, also from the keyboard."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">{table}</div>'
    )


def _figure(figure: str, name: str, alt: str, caption: str, wide: bool = False) -> str:
    svg = embed_svg(figure, name).replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
    place = '<div class="scroll wide">' if wide else "<div>"
    return f"<figure>{place}{svg}</div><figcaption>{escape(caption)}</figcaption></figure>"


def _training(figures: dict[str, str]) -> str:
    if "training_curves" not in figures:
        return ""
    return _figure(
        figures["training_curves"],
        "training",
        "Validation slice DSC, training loss and alpha over epochs, a column a method",
        "A ring marks each run's best epoch, a square its last. Losses do not compare between "
        "methods. Where the square lies far below the ring, the run collapsed.",
        wide=True,
    )


def _tests(analysis: Analysis, figures: dict[str, str]) -> str:
    if not analysis.comparisons:
        return ""
    family = len(analysis.of(analysis.runs.primary, analysis.main_checkpoint))
    corrected = f"Holm-corrected over the {family} comparisons of each metric" if family > 1 else ""
    text = (
        "<p>Differences are paired by subject, seeds averaged first. Wilcoxon signed-rank test, "
        f"two-sided{', ' + corrected if corrected else ''}; no "
        f"correction over metrics, so <strong>{escape(analysis.runs.primary.label)} decides"
        "</strong> and the others describe. Rank-biserial: 1 when every subject is higher under "
        "the first method, &minus;1 when every one is lower, 0 for no tendency. A method is named "
        "as better only where the corrected test (p ≤ 0.05) and the interval agree.</p>"
    )
    for checkpoint in analysis.runs.checkpoints:
        name = CHECKPOINT_NAMES[checkpoint].capitalize()
        frame = format_tests(analysis, checkpoint)
        tests = _plain_table(frame, f"Paired tests, {name}", groups="Metric")
        if checkpoint == analysis.main_checkpoint:
            text += f"<h3>{name}</h3>{tests}"
        else:
            text += f"<details><summary>{name}: the same tests</summary>{tests}</details>"
    text += "<h3>How stable the order is</h3>"
    text += _plain_table(format_ranks(analysis), "Rank stability")
    for name, alt, caption in (
        (
            "boxes",
            "Box plots of every metric by method",
            "Box: quartiles and median; dots: subjects, joined between methods by faint lines.",
        ),
        (
            "differences",
            "Paired differences of every metric",
            "Dots: subjects; bars: 95 % intervals; blue and filled where the difference is more "
            "than noise. The arrow beside each metric points to better values.",
        ),
    ):
        if name in figures:
            when = CHECKPOINT_NAMES[analysis.main_checkpoint].capitalize()
            text += _figure(figures[name], name, alt, f"{when}. {caption}", wide=True)
    return text


def _sizes(analysis: Analysis, figures: dict[str, str]) -> str:
    if "detection" not in figures:
        return ""
    table = detection_by_size(analysis.runs, analysis.main_checkpoint)
    when = CHECKPOINT_NAMES[analysis.main_checkpoint].capitalize()
    return _figure(
        figures["detection"],
        "detection",
        "Share of reference lesions detected against their volume",
        f"{when}. Bars: 95 % Wilson intervals with each lesion counted once, however many seeds "
        "judged it. Lesions of one subject resemble each other, so true intervals are wider.",
        wide=True,
    ) + _plain_table(format_detection(table), "Detection by lesion size")


def _volume(analysis: Analysis, figures: dict[str, str]) -> str:
    if "bland_altman" not in figures:
        return ""
    table = agreement_table(analysis.runs, analysis.main_checkpoint)
    when = CHECKPOINT_NAMES[analysis.main_checkpoint].capitalize()
    return _figure(
        figures["bland_altman"],
        "agreement",
        "Bland-Altman plots of lesion volume",
        f"{when}. Solid: bias; dashed: 95 % limits of agreement. Above zero, the method predicts "
        "too much lesion. The horizontal axis is square-root scaled.",
        wide=True,
    ) + _plain_table(format_agreement(table), "Agreement of lesion volume")


def _gallery(gallery: Sequence[GalleryRow], analysis: Analysis, trouble: str) -> str:
    if trouble:
        return f'<p class="warning">The subjects cannot be shown: {escape(trouble)}</p>'
    if not gallery:
        return ""
    metric = analysis.runs.primary.label
    text = (
        f"<p>Best, median and worst subject by {escape(metric)}, averaged over methods; the axial "
        "slice with the most lesion, of each method's first seed. Radiological convention: the "
        "patient's right (R) is on the left.</p>"
        f'<p><span class="key" style="background:{REFERENCE_COLOUR}"></span>reference &ensp;'
        f'<span class="key" style="background:{PREDICTION_COLOUR}"></span>prediction</p>'
    )
    for row in gallery:
        tiles = []
        for name, figure in gallery_tiles(row).items():
            label = "FLAIR" if name == "image" else name
            what = "without outlines" if name == "image" else f"with the prediction of {name}"
            note = row.notes.get(name, "")
            caption = f"{label}<br>{escape(note)}" if note else escape(label)
            alt = escape(f"{row.title}, axial slice {what}")
            tiles.append(
                f'<figure><img src="{to_png_uri(figure, dpi=160)}" alt="{alt}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
        text += (
            f'<div class="subject"><h3>{escape(row.title)}</h3>'
            f'<div class="tiles">{"".join(tiles)}</div></div>'
        )
    return text


def _provenance(analysis: Analysis) -> str:
    runs = analysis.runs
    facts = [
        ("Runs", _run_list(runs)),
        ("Subjects", escape(_subject_list(analysis))),
        ("Versions", escape(_versions(runs))),
        ("Missing values", escape(_missing(analysis))),
        ("Left out", escape(_left_out(analysis))),
    ]
    if runs.partial_metrics:
        names = listed([metric.label for metric in runs.partial_metrics])
        facts.append(("Not compared", escape(f"{names}: not in every evaluation.")))
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts) + "</dl>"


def _run_list(runs: Runs) -> str:
    lines = []
    for method, label in runs.methods.items():
        mine = runs.of(method)
        if all(run.folder is None for run in mine):
            lines.append(f"{label}: {mine[0].evaluations['file'].path.name}")
            continue
        folds = len({run.fold for run in mine})
        seeds = ", ".join(map(str, runs.seeds(method)))
        lines.append(
            f"{label}: {count(len(mine), 'run')} (seeds {seeds}; {count(folds, 'fold')}): "
            + ", ".join(run.name for run in mine)
        )
    return "<br>".join(map(escape, lines))


def _subject_list(analysis: Analysis) -> str:
    tidy = analysis.runs.subjects(analysis.main_checkpoint).drop_duplicates("subject")
    total = count(len(tidy), "subject")
    if "site" not in tidy or tidy["site"].fillna("").eq("").all():
        return total
    sites = tidy["site"].fillna("unknown").value_counts().sort_index()
    return f"{total}: " + ", ".join(f"{site} {number}" for site, number in sites.items())


def _versions(runs: Runs) -> str:
    seen: dict[str, list[str]] = {}
    for run in runs.runs:
        for key, value in _flatten(run.environment):
            if value not in seen.setdefault(key, []):
                seen[key].append(value)
    if not seen:
        return "not recorded"
    return "; ".join(f"{key} {' / '.join(values)}" for key, values in seen.items())


def _flatten(environment: dict[str, object]) -> list[tuple[str, str]]:
    """Give versions and device, one level deep; a command or a path is no version."""
    pairs = []
    for key, value in environment.items():
        if isinstance(value, dict):
            pairs += [(str(name), str(inner)) for name, inner in value.items()]
        elif isinstance(value, str | int | float) and key not in ("command", "cwd", "folder"):
            pairs.append((str(key), str(value)))
    return pairs


def _missing(analysis: Analysis) -> str:
    runs = analysis.runs
    alike: dict[str, list[str]] = {}
    for checkpoint in runs.checkpoints:
        for metric in runs.metrics:
            values = runs.values(metric, checkpoint)
            number = {m: int(frame.isna().to_numpy().sum()) for m, frame in values.items()}
            if any(number.values()):
                held = ", ".join(f"{runs.methods[m]} {n}" for m, n in number.items() if n)
                total = sum(frame.size for frame in values.values())
                where = CHECKPOINT_NAMES[checkpoint]
                key = f"{sum(number.values())} of {total} values ({held}; {where})"
                alike.setdefault(key, []).append(metric.label)
    if not alike:
        return "none"
    parts = [f"{listed(names)}: {key}" for key, names in alike.items()]
    return "; ".join(parts) + ". Means leave them out, and tests their pairs."


def _left_out(analysis: Analysis) -> str:
    skipped = pd.concat([analysis.runs.skipped(c) for c in analysis.runs.checkpoints])
    if skipped.empty:
        return "no subject"
    reasons = skipped.drop_duplicates(["subject", "reason"])
    return "; ".join(f"{row.subject} ({row.reason})" for row in reasons.itertuples())
