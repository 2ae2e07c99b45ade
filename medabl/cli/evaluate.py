"""`medabl evaluate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medabl.cli.app import app, errors, given, says_what_is_wrong, show, tell
from medabl.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from medabl.engine import Settings
    from medabl.task import Task


class ProtocolName(StrEnum):
    """Families of metrics."""

    all = "all"
    challenge = "challenge"
    surface = "surface"
    slices = "slices"


# What these say has no meaning for pictures.
_SCANS_ONLY = ("protocol", "resample", "keep_going")


@app.command()
@says_what_is_wrong
def evaluate(
    context: typer.Context,
    pred: Annotated[Path, typer.Option(help="Predicted mask, or a folder of them.")],
    ref: Annotated[Path, typer.Option(help="Reference mask, or a folder of them.")],
    out: Annotated[
        Path | None, typer.Option(help="CSV to write, a row a subject; beside it by site.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Config whose task says what the values are (default: lesions of wmh.yaml);"
            " pictures need one: cityscapes.yaml, ade20k.yaml or your own."
        ),
    ] = None,
    protocol: Annotated[ProtocolName, typer.Option(help="Which metrics.")] = ProtocolName.all,
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring predictions onto the references' grids.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out what cannot be evaluated, and list it.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes (default: all cores)")] = None,
) -> None:
    """Evaluate masks against reference masks, files or folders."""
    from medabl.evaluation import check_output, evaluate_paths, summary_table, write_evaluation
    from medabl.task import WMH

    if out is not None:
        check_output(out)
    settings = _settings(task) if task else None
    if settings is not None and settings.task.images == "pictures":
        for name in given(context, _SCANS_ONLY):
            raise InputError(f"--{name.replace('_', '-')} is of scans; leave it out for pictures.")
        _evaluate_pictures(pred, ref, out, settings.task, workers)
        return
    evaluation = evaluate_paths(
        pred,
        ref,
        protocol=protocol.value,
        resample=resample,
        keep_going=keep_going,
        workers=workers,
        task=settings.task if settings else WMH,
        slice_axis=settings.slice_axis if settings else "axial",
    )
    written = [] if out is None else write_evaluation(evaluation, out)
    show(_as_table(summary_table(evaluation.subjects), len(evaluation.subjects)))
    for file in written:
        tell(f"Table: {file}")
    for row in evaluation.skipped.itertuples():
        errors.print(f"[yellow]left out[/] {escape(str(row.reason))}", soft_wrap=True)


def _settings(config: str) -> Settings:
    from medabl.engine import load_config, settings_of

    settings = settings_of(load_config([config], {}))
    if settings.task.images == "videos":
        raise InputError(
            f"{config} is of videos, which medabl.metrics.davis_metrics evaluates, in Python."
        )
    return settings


def _evaluate_pictures(
    pred: Path, ref: Path, out: Path | None, task: Task, workers: int | None
) -> None:
    from medabl.evaluation import evaluate_label_pictures, match_pictures
    from medabl.files import atomic_path

    pairs = match_pictures(pred, ref)
    table = evaluate_label_pictures(pairs, task, workers)
    if out is not None:
        with atomic_path(out) as temporary:
            table.to_csv(temporary, index=False)
    show(_by_class(table, len(pairs)))
    if out is not None:
        tell(f"Table: {out}")


def _by_class(table: pd.DataFrame, pictures: int) -> Table:
    """A row a class, and one of the means; what is of no class in the title."""
    wide = table.replace({"metric": {"miou": "iou"}}).pivot_table(
        index="class", columns="metric", values="value", sort=False, dropna=False
    )
    accuracy = wide.pop("pixel_accuracy")["all"]
    view = Table(title=f"{pictures} picture{'s' * (pictures != 1)}, pixel accuracy {accuracy:.4f}")
    view.add_column("class", no_wrap=True)
    for heading in wide.columns:
        view.add_column(str(heading).replace("_", " "), justify="right")
    for row in wide.itertuples():
        view.add_row(str(row.Index), *(f"{x:.4f}" if x == x else "-" for x in row[1:]))
    return view


def _number(value: float) -> str:
    """Three digits, nothing for what one subject does not tell."""
    return "" if value != value else f"{value:.3f}"


def _as_table(summary: pd.DataFrame, subjects: int) -> Table:
    """The rows of all sites together, for the screen."""
    table = Table(title=f"{subjects} subject{'s' * (subjects != 1)}")
    table.add_column("metric", no_wrap=True)
    for heading in ("mean", "sd", "median", "95 % interval", "undefined"):
        table.add_column(heading, justify="right")
    for row in summary[summary["site"] == "all"].to_dict("records"):
        numbers = [_number(row[key]) for key in ("mean", "sd", "median")]
        ends = [_number(row[key]) for key in ("ci_low", "ci_high")]
        interval = ", ".join(filter(None, ends))
        table.add_row(row["metric"], *numbers, interval, str(row["n_nan"] or ""))
    return table
