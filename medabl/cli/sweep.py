"""`medabl sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from medabl.cli.app import app, errors, says_what_is_wrong, show, tell
from medabl.errors import ConfigError, UnfinishedError

if TYPE_CHECKING:
    from medabl.experiments.options import Options
    from medabl.experiments.plan import PlannedRun

_SLURM = "With --launcher slurm"


@app.command()
@says_what_is_wrong
def sweep(
    file: Annotated[Path, typer.Argument(help="Sweep file: base, set, grid, list, repeat (YAML).")],
    out: Annotated[Path, typer.Option(help="Folder for all runs.")],
    jobs: Annotated[
        int | None, typer.Option(help="Runs at the same time (default: one for each GPU, or one).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell the runs and what they cost; do nothing.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Begin failed and stopped runs again.")
    ] = False,
    stop_collapsed: Annotated[
        bool, typer.Option("--stop-collapsed", help="End runs that have collapsed.")
    ] = False,
    launcher: Annotated[
        str, typer.Option(help="Who carries runs out: local (this machine) or slurm.")
    ] = "local",
    partition: Annotated[
        str | None, typer.Option(help="Slurm partition.", rich_help_panel=_SLURM)
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Time limit of a job: minutes, HH:MM:SS or D-HH:MM:SS (default: an hour); a run"
            " that needs longer is queued again and goes on.",
            rich_help_panel=_SLURM,
        ),
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=0, help="GPUs of a run.", rich_help_panel=_SLURM)
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="Processors of a run.", rich_help_panel=_SLURM)
    ] = None,
    mem: Annotated[
        str | None, typer.Option(help="Memory of a run, as 16G.", rich_help_panel=_SLURM)
    ] = None,
    array_parallelism: Annotated[
        int | None, typer.Option(min=1, help="Runs at the same time.", rich_help_panel=_SLURM)
    ] = None,
) -> None:
    """Carry out a grid of runs; called again, only what is missing."""
    from medabl.experiments.options import Options
    from medabl.experiments.plan import plan_runs
    from medabl.experiments.slurm_resources import pick_resources
    from medabl.experiments.sweep import carry_out, check_runs, find_work, not_done
    from medabl.experiments.sweep_file import read_sweep_file

    asked = {
        "partition": partition,
        "time": time,
        "gpus": gpus,
        "cpus": cpus,
        "mem": mem,
        "array_parallelism": array_parallelism,
    }
    slurm = pick_resources(launcher, jobs, asked)
    plan = read_sweep_file(file)
    runs = plan_runs(plan.base, plan.common, plan.combinations(), out)
    options = Options(jobs, retry_failed, stop_collapsed, slurm)
    if dry_run:
        find_work(runs, out, options, errors)
        _tell_plan(runs, options)  # which tries every part, and names all that fail
        return
    todo = check_runs(runs, out, options, errors)
    standing = carry_out(runs, todo, out, options, errors)
    tell(f"Results: medabl results {out}")
    tell(f"Report: medabl report {out} --out FOLDER")
    if sentence := not_done(standing, "--retry-failed"):
        raise UnfinishedError(sentence)


def _tell_plan(runs: Sequence[PlannedRun], options: Options) -> None:
    from medabl.experiments.estimate import estimate_all
    from medabl.experiments.live import duration
    from medabl.experiments.sweep import count_jobs, is_wanted, progress_of

    jobs = count_jobs(runs, options)
    with errors.status("Timing some steps"):
        estimates = estimate_all(runs, jobs)
    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    for heading in ("state", "epochs", "time", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    left, wanted = 0.0, 0
    for run, cost in zip(runs, estimates, strict=True):
        progress = progress_of(run)
        if is_wanted(progress, options) and not cost.error:
            left += (1 - progress.epoch / progress.epochs) * cost.seconds
            wanted += 1
        memory = "" if cost.gigabytes != cost.gigabytes else f"{cost.gigabytes:.1f} GiB"
        epochs = f"{progress.epoch}/{progress.epochs}"
        table.add_row(Text(run.name), progress.state, epochs, duration(cost.seconds), memory)
    show(table)
    measured = all(cost.measured for cost in estimates)
    source = "finished runs" if measured else "a few timed steps: a rough guess"
    tell(
        f"{len(runs)} runs, {wanted} to be carried out, {jobs} at a time: about"
        f" {duration(left / jobs)} of training (from {source})."
    )
    failing = [
        f"{run.name} will fail: {cost.error}"
        for run, cost in zip(runs, estimates, strict=True)
        if cost.error
    ]
    if failing:
        raise ConfigError(failing)
