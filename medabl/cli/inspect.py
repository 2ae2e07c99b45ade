"""`medabl inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from medabl.cli.app import app, console, errors, names, says_what_is_wrong, show, tell
from medabl.files import check_writable

if TYPE_CHECKING:
    from medabl.data import Subject
    from medabl.inspection import Inspection


@app.command()
@says_what_is_wrong
def inspect(
    data: Annotated[Path, typer.Option(help="Data set, in any layout that medabl reads.")],
    modalities: Annotated[str, typer.Option(help="Images that it has.")] = "flair,t1",
    slice_axis: Annotated[str, typer.Option(help="axial, coronal or sagittal.")] = "axial",
    out: Annotated[Path | None, typer.Option(help="Folder for the table and a picture.")] = None,
) -> None:
    """Tell what a data set is like, and which settings of the losses suit it."""
    from medabl.inspection import inspect_data

    if out is not None:
        check_writable(out)
    inspection = inspect_data(data, names(modalities), slice_axis, _progress)  # type: ignore[arg-type]
    show(_as_table(inspection))
    for setting, value, why in inspection.suggestions:
        console.print(f"[bold]{escape(setting)} = {escape(value)}[/]", highlight=False)
        console.print(f"  {escape(why)}", highlight=False)
    if out is not None:
        inspection.write(out)
        tell(f"Table and picture: {out}")


def _progress(subjects: Sequence[Subject]) -> Iterable[Subject]:
    silent = not errors.is_terminal
    return track(subjects, "Inspecting", console=errors, transient=True, disable=silent)


def _as_table(inspection: Inspection) -> Table:
    table = Table(title=f"{len(inspection.table)} subjects")
    for name in inspection.table.columns:
        table.add_column(name.replace("_", " "), justify="left" if name == "subject" else "right")
    for row in inspection.table.itertuples(index=False):
        table.add_row(*map(_as_text, row))
    return table


def _as_text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
