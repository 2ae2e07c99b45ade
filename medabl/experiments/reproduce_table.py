"""One of the paper's tables, end to end: a sweep, and its numbers beside the published ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from medabl.engine import packaged_config, pick_device
from medabl.errors import InputError, UnfinishedError
from medabl.experiments.claim import claim, refuse_other_contents
from medabl.experiments.measured import measure
from medabl.experiments.options import Options
from medabl.experiments.plan import PlannedRun, plan_runs
from medabl.experiments.published import Miniature, read_published
from medabl.experiments.sweep import carry_out, check_runs, not_done
from medabl.experiments.sweep_file import SweepFile, read_sweep_file
from medabl.experiments.table_files import terminal_table, write_table
from medabl.miniatures import write_miniature

MINIATURE = "miniature"


@dataclass(frozen=True)
class TableSettings:
    """What the user asked for.

    Attributes:
        table: which of the paper's tables, from 1 to 7.
        data: folder of the real data, None for the generated miniature.
        out: folder for everything that is made.
        seeds: seeds of the runs; their numbers are averaged.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        overrides: further config keys.
        options: how the runs are carried out.
    """

    table: int
    data: Path | None
    out: Path
    seeds: tuple[int, ...] = (0,)
    device: str = "auto"
    overrides: dict[str, Any] = field(default_factory=dict)
    options: Options = field(default_factory=lambda: Options(retry_failed=True))


def reproduce_table(settings: TableSettings, console: Console) -> Path:
    """Carry out what is missing of a table's runs and write the table.

    Args:
        settings: what to do.
        console: where to tell about it; the table is printed there.

    Returns:
        the path of ``table.md``.

    Raises:
        InputError: if data, arguments or the output folder cannot be used; before any training.
        UnfinishedError: if a run failed; the table is written without it.
    """
    pick_device(settings.device)
    table = read_published(settings.table)
    miniature = table.miniature if settings.data is None else None
    sweep = _sweep(f"table{settings.table}", settings, miniature.configs if miniature else ())
    asked = _asked(settings)
    refuse_other_contents(settings.out, asked)
    data = settings.data or settings.out / MINIATURE
    common: dict[str, Any] = {"data": str(data), "device": settings.device, **settings.overrides}
    if miniature is not None:
        claim(settings.out, asked)
        console.print(f"No --data given: a generated miniature, {data}.", highlight=False)
        write_miniature(miniature.layout, data)
    common |= _first_weights(miniature, common, settings, console)
    runs = _planned(sweep, common, settings.seeds, settings.out / "runs")
    standing = _carry_out(runs, settings, console)
    rows = measure(table, runs)
    write_table(table, settings.table, rows, settings.data, settings.out)
    console.print(terminal_table(table, settings.table, rows, settings.data))
    if standing:
        raise UnfinishedError(standing)
    return settings.out / "table.md"


def _sweep(name: str, settings: TableSettings, over: Sequence[str]) -> SweepFile:
    """A packaged sweep, with further configs over its own.

    Raises:
        InputError: if there is none of that name.
    """
    path = packaged_config(f"tables/{name}.yaml")
    if not path.is_file():
        raise InputError(
            f"Table {settings.table} cannot be run by this version of medabl, which has no sweep"
            f" for it (configs/tables/{path.name})."
        )
    sweep = read_sweep_file(path)
    return sweep.model_copy(update={"base": [*sweep.base, *over]})


def _first_weights(
    miniature: Miniature | None,
    common: Mapping[str, Any],
    settings: TableSettings,
    console: Console,
) -> dict[str, str]:
    """The weights that the table's runs begin with, where a run of its own has to make them."""
    name = f"table{settings.table}_first"
    if "weights" in common or not packaged_config(f"tables/{name}.yaml").is_file():
        return {}
    over = [*miniature.configs, *miniature.first] if miniature else []
    sweep = _sweep(name, settings, over)
    (run,) = _planned(sweep, common, settings.seeds[:1], settings.out / "first")
    console.print("First the weights that are fine-tuned.", highlight=False)
    if sentence := _carry_out([run], settings, console):
        raise UnfinishedError(sentence)
    return {"weights": str(run.folder.checkpoint("last"))}


def _planned(
    sweep: SweepFile, common: Mapping[str, Any], seeds: Sequence[int], out: Path
) -> list[PlannedRun]:
    combinations = _with_seeds(sweep.combinations(), seeds)
    return plan_runs(sweep.base, {**sweep.common, **common}, combinations, out)


def _with_seeds(
    combinations: Iterator[dict[str, Any]], seeds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for combination in combinations:
        for seed in dict.fromkeys(seeds):
            yield {**combination, "seed": seed}


def _carry_out(runs: Sequence[PlannedRun], settings: TableSettings, console: Console) -> str:
    """Carry out what is missing; a sentence about what is not done after that."""
    todo = check_runs(runs, settings.out, settings.options, console)
    claim(settings.out, _asked(settings))
    standing = carry_out(runs, todo, settings.out, settings.options, console)
    return not_done(standing, "the same command")


def _asked(settings: TableSettings) -> dict[str, Any]:
    """What must not change while a table's folder is filled."""
    return {
        "table": settings.table,
        "data": str(settings.data.resolve()) if settings.data else None,
        "overrides": settings.overrides,
    }
