"""`medabl recommend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medabl.cli.app import app, console, integers, names, says_what_is_wrong
from medabl.cli.reproduce import tell_results


@app.command()
@says_what_is_wrong
def recommend(
    data: Annotated[Path, typer.Option(help="Folder with your subjects.")],
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path(
        "medabl-recommend"
    ),
    modalities: Annotated[str, typer.Option(help="Images to use, in channel order.")] = "flair,t1",
    folds: Annotated[
        int | None,
        typer.Option(help="Folds (default: up to five subjects are held out in turn, else 5)"),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    jobs: Annotated[
        int | None, typer.Option(help="Runs at the same time (default: one for each GPU, or one).")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Config override key=value; may be repeated."),
    ] = None,
) -> None:
    """Find the loss for your own subjects, by cross-validation, and say how sure to be.

    The recommended recipe, Dice + CE and the paper's three (GDL, GDL + BL, GDL + ABL) are trained
    alike, each subject held out once: 15 runs for three subjects, 25 from five on, of five to ten
    minutes each on a CPU core. Stopped, the same command goes on where it was.
    """
    from medabl.engine import parse_overrides
    from medabl.experiments import Options
    from medabl.experiments.recommend import recommend as run
    from medabl.experiments.recommend import recommendation

    report = run(
        data,
        out,
        modalities=names(modalities),
        folds=folds,
        seeds=integers(seeds, "--seeds"),
        device=device,
        overrides=parse_overrides(settings or []),
        options=Options(jobs=jobs, retry_failed=True),
        console=console,
    )
    tell_results(out, report)
    console.print(recommendation(out), highlight=False)
