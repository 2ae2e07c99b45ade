"""`medabl results`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from medabl.cli.app import app, console, names, says_what_is_wrong, show, tell
from medabl.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = (  # the dearest first
    "best_dsc",
    "last_dsc",
    "best_hd95_mm",
    "last_hd95_mm",
    "last_miou",
    "last_miou_ms",
    "last_pixel_accuracy",
    "last_boundary_f_3px",
    "last_j_mean",
    "last_f_mean",
)


@app.command()
@says_what_is_wrong
def results(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, at any depth.")],
    out: Annotated[
        Path | None, typer.Option(help="Write these rows with all columns, .csv or .parquet.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Column to sort by; -COLUMN for the largest first.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Rows to keep, such as 'best_dsc > 0.5'."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to print, separated by commas.")
    ] = None,
) -> None:
    """All runs below a folder in one table: settings that vary, state, metrics."""
    from medabl.experiments.results import check_results_path, gather_results, write_results

    if out is not None:
        check_results_path(out)
    table = gather_results(folder)
    if where is not None:
        table = _filtered(table, where)
    if sort is not None:
        key = sort.removeprefix("-")
        _check_columns(table, [key])
        ascending = not sort.startswith("-")
        table = table.sort_values(key, ascending=ascending, kind="stable", key=_comparable)
    if columns is None:
        show(_as_table(table[_columns_that_fit(table)]))
    else:
        _check_columns(table, list(names(columns)))
        show(_as_table(table[list(names(columns))]))
    unfinished = table[table["state"] != "done"]
    if len(unfinished):
        counts = ", ".join(
            f"{n} {state}" for state, n in unfinished["state"].value_counts().items()
        )
        tell(f"{len(unfinished)} of {len(table)} runs are not done: {counts}.")
    for row in unfinished[unfinished["error"] != ""].itertuples():
        tell(f"{row.run}: {row.error}")
    if out is not None:
        write_results(table, out)
        tell(f"Table: {out}")


def _filtered(table: pd.DataFrame, where: str) -> pd.DataFrame:
    try:
        return table.query(where)
    except Exception as error:  # pandas raises whatever its parser meets
        raise InputError(
            f"--where {where!r} is no condition on the columns ({error}); there are"
            f" {', '.join(map(str, table))}."
        ) from error


def _comparable(column: pd.Series[Any]) -> pd.Series[Any]:
    return column if column.dtype.kind in "bif" else column.astype(str)


def _check_columns(table: pd.DataFrame, chosen: list[str]) -> None:
    unknown = [name for name in chosen if name not in table]
    if unknown:
        raise InputError(
            f"There is no column {unknown[0]!r}; there are {', '.join(map(str, table))}."
        )


def _columns_that_fit(table: pd.DataFrame) -> list[str]:
    """What varies and what matters, as far as the terminal has room; the file holds the rest."""
    order = [str(name) for name in table]
    settings = order[order.index("seconds") + 1 : order.index("error")]
    varying = [
        name
        for name in settings
        if not name.startswith(("best_", "last_")) and table[name].astype(str).nunique() > 1
    ]
    epochs = ["epochs"] if table["epochs"].nunique() > 1 else []
    flag = ["flag"] if table["flag"].astype(bool).any() else []
    metrics = [name for name in _SHOWN if name in order and table[name].notna().any()]
    # The folder's name repeats what varies.
    chosen = [*(varying or epochs or ["run"]), "state", *flag, "epoch", *epochs, *metrics]
    while chosen[-1] in metrics and _width(table[chosen]) > console.width:
        chosen.pop()
    return chosen


def _width(table: pd.DataFrame) -> int:
    return Measurement.get(console, console.options.update(width=1000), _as_table(table)).maximum


def _as_table(table: pd.DataFrame) -> Table:
    shown = Table(box=None, pad_edge=False)
    for name in table:
        numeric = table[name].dtype.kind in "if"
        shown.add_column(Text(str(name)), justify="right" if numeric else "left", overflow="fold")
    for row in table.to_dict("records"):
        shown.add_row(*(Text(_cell(str(name), value)) for name, value in row.items()))
    return shown


def _cell(column: str, value: object) -> str:
    if value is None or value != value:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if column.startswith(("best_", "last_")) else f"{value:g}"
