"""`medabl report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from medabl.cli.app import app, says_what_is_wrong, show, tell


@app.command()
@says_what_is_wrong
def report(
    paths: Annotated[
        list[Path], typer.Argument(help="Run folders, folders of them, or evaluation CSVs.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("medabl-report"),
    reference: Annotated[
        str | None, typer.Option(help="Method that the others are compared with.")
    ] = None,
) -> None:
    """Compare runs: tests, intervals, figures, and report.html that says what they mean."""
    from medabl.report import write_report

    path = write_report(paths, out, reference)
    show(Markdown((out / "answer.md").read_text(encoding="utf-8")))
    tell(f"Report: {path}")
