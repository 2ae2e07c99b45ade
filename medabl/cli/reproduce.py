"""`medabl reproduce`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from medabl.cli.app import app, console, given, integers, names, says_what_is_wrong, show, tell
from medabl.errors import InputError

if TYPE_CHECKING:
    from medabl.experiments.options import Options


class Preset(StrEnum):
    """Sizes of the comparison."""

    quick = "quick"
    recommended = "recommended"
    paper = "paper"


# What these say is in the sweep of a table.
_TABLE_8_ONLY = ("preset", "modalities", "folds", "losses", "config")


@app.command()
@says_what_is_wrong
def reproduce(
    context: typer.Context,
    table: Annotated[
        int,
        typer.Option(
            min=1, max=8, help="Which of the paper's tables; 8 is that on white matter lesions."
        ),
    ] = 8,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the data (default: a phantom cohort, a miniature)"),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path(
        "medabl-out"
    ),
    preset: Annotated[
        Preset,
        typer.Option(
            help="quick: minutes on a laptop; recommended: what to train your own scans"
            " with; paper: the published protocol."
        ),
    ] = Preset.quick,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0",
    modalities: Annotated[str, typer.Option(help="Images to use, in channel order.")] = "flair,t1",
    folds: Annotated[
        int | None,
        typer.Option(
            help="Cross-validate with so many folds (default: one split; few subjects"
            " are held out in turn)"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    losses: Annotated[
        str | None,
        typer.Option(help="Losses to compare (default: gdl,gdl_bl,gdl_abl; recommended: its own)."),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(help="Config file over the preset's, with methods of your own perhaps."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Runs at the same time (default: one for each GPU, or one).")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Config override key=value; may be repeated."),
    ] = None,
) -> None:
    """Compare GDL, GDL + BL and GDL + ABL: one command, a table, figures and a report.

    With --table another table of the paper, its numbers beside the published ones.
    """
    from medabl.engine import parse_overrides
    from medabl.experiments import Options
    from medabl.experiments.reproduce import Settings
    from medabl.experiments.reproduce import reproduce as run

    overrides = parse_overrides(settings or [])
    options = Options(jobs=jobs, retry_failed=True)
    numbers = integers(seeds, "--seeds")
    if table != 8:
        _refuse_others(context, table)
        _reproduce_table(table, data, out, numbers, device, overrides, options)
        return
    report = run(
        Settings(
            data=data,
            out=out,
            preset=preset.value,
            seeds=numbers,
            modalities=names(modalities),
            folds=folds,
            device=device,
            methods=names(losses) if losses else (),
            overrides=overrides,
            configs=tuple(config or ()),
            options=options,
        ),
        console,
    )
    tell_results(out, report)


def tell_results(out: Path, report: Path) -> None:
    """Print the table and the answer of a comparison, and where its files are."""
    show(_comparison(out / "table.csv"))
    show(Markdown((out / "answer.md").read_text(encoding="utf-8")))
    tell(f"Table: {out / 'table.md'} (.csv, .tex)")
    tell(f"Figures: {out / 'figures'}")
    tell(f"Runs: {out / 'runs'}")
    last = out / "runs" / "RUN" / "checkpoints" / "last.pt"
    tell(f"Checkpoints: {last} (medabl predict takes one, or averages several)")
    tell(f"Report: {report}")


def _refuse_others(context: typer.Context, table: int) -> None:
    for name in given(context, _TABLE_8_ONLY):
        raise InputError(
            f"--{name} has no meaning with --table {table}, whose sweep says it"
            f" (configs/tables/table{table}.yaml); leave it out, or use --set."
        )


def _reproduce_table(
    table: int,
    data: Path | None,
    out: Path,
    seeds: tuple[int, ...],
    device: str,
    overrides: dict[str, Any],
    options: Options,
) -> None:
    from medabl.experiments.reproduce_table import TableSettings, reproduce_table

    path = reproduce_table(
        TableSettings(table, data, out, seeds, device, overrides, options), console
    )
    tell(f"Table: {path} (.csv)")
    tell(f"Runs: {out / 'runs'}")


def _comparison(path: Path) -> Table:
    """The columns of the comparison that fit a terminal; the files hold them all."""
    import pandas as pd

    table = Table(caption="Slice-wise numbers as published (HD-rows is no distance), 3D ones real.")
    table.add_column("loss", no_wrap=True)
    table.add_column("epoch", no_wrap=True)
    for heading in ("slice DSC", "HD-rows", "3D DSC [95 %]", "HD95 mm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in pd.read_csv(path).to_dict("records"):
        published = row["source"] != "medabl"
        dsc = "" if published else f"{row['dsc']:.3f} [{row['dsc_low']:.2f}, {row['dsc_high']:.2f}]"
        table.add_row(
            row["label"],
            "published" if published else row["epoch"],
            f"{row['slice_dsc']:.3f}",
            f"{row['slice_hd_rows']:.3f}",
            escape(dsc),
            "" if published else f"{row['hd95_mm']:.1f}",
            style="dim" if published else "",
        )
    return table
