"""What a reader has to know of the runs behind the numbers."""

from __future__ import annotations

from medabl.report.runs import Runs
from medabl.report.words import capitalised, count, shortened


def warnings_of_runs(runs: Runs) -> list[str]:
    """Which runs are left out, and what the others warn about, a sentence each."""
    return _unfinished_sentences(runs) + _run_warnings(runs)


def _unfinished_sentences(runs: Runs) -> list[str]:
    by_status: dict[str, list[str]] = {}
    for name, status in runs.unfinished:
        by_status.setdefault("failed" if status == "failed" else "unfinished", []).append(name)
    return [
        f"{capitalised(count(len(names), f'{status} run'))} "
        f"{'is' if len(names) == 1 else 'are'} left out: {shortened(names)}."
        for status, names in by_status.items()
    ]


def _run_warnings(runs: Runs) -> list[str]:
    """What the runs themselves warn about, each text once."""
    by_text: dict[str, list[str]] = {}
    for run in runs.runs:
        for text in run.warnings:
            by_text.setdefault(text, []).append(run.name)
    return [f"{text} ({shortened(names, 4)})" for text, names in by_text.items()]
