"""Where the numbers of a page come from, fact by fact."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from medabl.report.analysis import Analysis
from medabl.report.runs import FILE, Runs
from medabl.report.words import CHECKPOINT_NAMES, count, listed


def provenance(analysis: Analysis) -> list[tuple[str, list[str]]]:
    """Give facts about the runs: a name, and lines of text."""
    runs = analysis.runs
    facts = [
        ("Runs", runs_in_words(runs)),
        ("Task", [_task(runs)] if runs.task is not None else []),
        ("Subjects", [_subjects(analysis)]),
        ("Versions", [versions(runs)]),
        ("Missing values", [_missing(analysis)]),
        ("Left out", [_left_out(analysis)]),
    ]
    if runs.partial_metrics:
        names = listed([metric.label for metric in runs.partial_metrics])
        facts.append(("Not compared", [f"{names}: not in every evaluation."]))
    return [(name, lines) for name, lines in facts if lines]


def runs_in_words(runs: Runs) -> list[str]:
    """Give a line a method: its runs, seeds and folds."""
    lines = []
    for method, label in runs.methods.items():
        mine = runs.of(method)
        if all(run.folder is None for run in mine):
            lines.append(f"{label}: {mine[0].evaluations[FILE].path.name}")
            continue
        folds = len({run.fold for run in mine})
        seeds = ", ".join(map(str, runs.seeds(method)))
        lines.append(
            f"{label}: {count(len(mine), 'run')} (seeds {seeds}; {count(folds, 'fold')}): "
            + ", ".join(run.name for run in mine)
        )
    return lines


def _task(runs: Runs) -> str:
    assert runs.task is not None
    noun = "class" if len(runs.task.evaluated) == 1 else "classes"
    return f"{runs.task.name}, evaluated {noun}: {', '.join(runs.task.evaluated)}"


def _subjects(analysis: Analysis) -> str:
    tidy = analysis.runs.subjects(analysis.main_checkpoint).drop_duplicates("subject")
    held_out = " of a test set" if analysis.runs.tested else ""
    total = count(len(tidy), "subject") + held_out
    if "site" not in tidy or tidy["site"].fillna("").eq("").all():
        return total
    sites = tidy["site"].fillna("unknown").value_counts().sort_index()
    return f"{total}: " + ", ".join(f"{site} {number}" for site, number in sites.items())


def versions(runs: Runs) -> str:
    """Give versions and devices of all runs in a line."""
    seen: dict[str, list[str]] = {}
    for run in runs.runs:
        for key, value in _flatten(run.environment):
            if value not in seen.setdefault(key, []):
                seen[key].append(value)
    if not seen:
        return "not recorded"
    return "; ".join(f"{key} {' / '.join(values)}" for key, values in seen.items())


def _flatten(environment: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Give versions and device, one level deep; a command or a path is no version."""
    for key, value in environment.items():
        if isinstance(value, dict):
            yield from ((str(name), str(inner)) for name, inner in value.items())
        elif isinstance(value, str | int | float) and key not in ("command", "cwd", "folder"):
            yield str(key), str(value)


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
    runs = analysis.runs
    parts = [f"run {name} ({status})" for name, status in runs.unfinished]
    skipped = pd.concat([runs.skipped(checkpoint) for checkpoint in runs.checkpoints])
    if not skipped.empty:
        reasons = skipped.drop_duplicates(["subject", "reason"])
        parts += [f"{row.subject} ({row.reason})" for row in reasons.itertuples()]
    return "; ".join(parts) or "no subject"
