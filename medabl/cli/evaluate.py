"""`medabl evaluate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from medabl.cli.app import app, errors, says_what_is_wrong, show

if TYPE_CHECKING:
    import pandas as pd


class ProtocolName(StrEnum):
    """Families of metrics."""

    all = "all"
    challenge = "challenge"
    surface = "surface"
    slices = "slices"


@app.command()
@says_what_is_wrong
def evaluate(
    pred: Annotated[Path, typer.Option(help="Predicted mask, or a folder of them.")],
    ref: Annotated[Path, typer.Option(help="Reference mask, or a folder of them.")],
    out: Annotated[
        Path | None, typer.Option(help="CSV to write, a row a subject; beside it by site.")
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

    if out is not None:
        check_output(out)
    evaluation = evaluate_paths(
        pred,
        ref,
        protocol=protocol.value,
        resample=resample,
        keep_going=keep_going,
        workers=workers,
    )
    if out is not None:
        write_evaluation(evaluation, out)
    show(_as_table(summary_table(evaluation.subjects), len(evaluation.subjects)))
    for row in evaluation.skipped.itertuples():
        errors.print(f"[yellow]left out[/] {escape(str(row.reason))}", soft_wrap=True)


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
