"""`medabl inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from medabl.cli.app import app, console, errors, given, names, says_what_is_wrong, show, tell
from medabl.errors import InputError
from medabl.files import check_writable

if TYPE_CHECKING:
    import pandas as pd

    from medabl.data import Subject
    from medabl.inspection import Inspection, PictureInspection


_SCANS_ONLY = ("modalities", "slice_axis")


@app.command()
@says_what_is_wrong
def inspect(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Data set, in any layout that medabl reads.")],
    modalities: Annotated[str, typer.Option(help="Scans: images that they have.")] = "flair,t1",
    slice_axis: Annotated[
        str, typer.Option(help="Scans: axial, coronal or sagittal slices.")
    ] = "axial",
    task: Annotated[
        str | None,
        typer.Option(
            help="Pictures: config whose task says what the label values are (default: that of the"
            " layout, cityscapes.yaml or ade20k.yaml)."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the table and a picture.")] = None,
) -> None:
    """Tell what a data set is like, and which settings of the losses suit it."""
    from medabl.inspection import inspect_data

    if out is not None:
        check_writable(out)
    config = _config_of_pictures(data, task)
    inspection: Inspection | PictureInspection
    if config is None:
        inspection = inspect_data(data, names(modalities), slice_axis, _progress)  # type: ignore[arg-type]
        title = f"{len(inspection.table)} subjects"
    else:
        for name in given(context, _SCANS_ONLY):
            raise InputError(
                f"--{name.replace('_', '-')} is for scans, and {data} holds pictures; leave it out."
            )
        inspection = _look_at_pictures(data, config)
        title = f"{inspection.pictures} pictures"
    show(_as_table(inspection.table, title))
    for setting, value, why in inspection.suggestions:
        console.print(f"[bold]{escape(setting)} = {escape(value)}[/]", highlight=False)
        console.print(f"  {escape(why)}", highlight=False)
    if out is not None:
        inspection.write(out)
        tell(f"Written to: {out}")


def _config_of_pictures(data: Path, task: str | None) -> str | None:
    """The config given, or that of a known data set of pictures; None for scans."""
    from medabl.data.subjects import find_layout

    layout = find_layout(data)
    images = None if layout is None else layout.IMAGES
    if task is None and images == "videos":
        raise InputError(
            f"{data} holds videos, and medabl inspect looks at scans and pictures; medabl train"
            " checks every frame before it begins."
        )
    if task is not None and images == "scans":
        raise InputError(f"--task is for pictures, and {data} holds scans; leave it out.")
    if task is not None or layout is None or images != "pictures":
        return task
    return f"{layout.NAME.lower()}.yaml"


def _look_at_pictures(data: Path, config: str) -> PictureInspection:
    from medabl.engine import load_config, settings_of
    from medabl.inspection import inspect_pictures

    return inspect_pictures(data, settings_of(load_config([config], {})).task, _progress)


def _progress(subjects: Sequence[Subject]) -> Iterable[Subject]:
    silent = not errors.is_terminal
    return track(subjects, "Inspecting", console=errors, transient=True, disable=silent)


def _as_table(numbers: pd.DataFrame, title: str) -> Table:
    table = Table(title=title)
    for name in numbers.columns:
        text = name in ("subject", "class")
        table.add_column(name.replace("_", " "), justify="left" if text else "right")
    for row in numbers.itertuples(index=False):
        table.add_row(*map(_as_text, row))
    return table


def _as_text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    if cell != cell:
        return "-"
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
