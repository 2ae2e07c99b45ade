"""A published table's numbers beside those of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medabl.experiments.plan import PlannedRun
from medabl.experiments.published import Column, PublishedTable, Row
from medabl.report.set_metrics import read_pooled


@dataclass(frozen=True)
class MeasuredRow:
    """A row of a published table and what its runs came to.

    Attributes:
        row: as published.
        values: the mean over the runs for each column, NaN where no run tells it.
        deviations: the standard deviation over the runs, NaN for a single one.
        runs: how many finished runs these are of.
        wanted: how many there will be.
    """

    row: Row
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    runs: int
    wanted: int


def measure(table: PublishedTable, runs: Sequence[PlannedRun]) -> list[MeasuredRow]:
    """What runs came to, for every row of a table.

    Args:
        table: as published.
        runs: those of the table's sweep; the ones that are not done are left out.

    Raises:
        InputError: if a run's metrics cannot be read.
    """
    return [_measured(table, row, runs) for row in table.rows]


def read_natural_metrics(path: Path) -> dict[tuple[str, str], float]:
    """(metric, class) -> value of a run's ``natural_metrics.csv``.

    Raises:
        InputError: if there is no such file, or it has other columns.
    """
    table = read_pooled(path)
    return {
        (str(metric), str(of)): float(value) for metric, of, value in table.itertuples(index=False)
    }


def _measured(table: PublishedTable, row: Row, runs: Sequence[PlannedRun]) -> MeasuredRow:
    mine = [run for run in runs if row.run is not None and _is_of(run, row.run)]
    done = [run for run in mine if run.folder.status() == "done"]
    found = [_metrics(run, row) for run in done]
    scale = 100.0 if table.percent else 1.0
    values = np.array(
        [[scale * _value(metrics, column, row) for column in table.columns] for metrics in found]
    ).reshape(len(found), len(table.columns))
    missing = np.full(len(table.columns), np.nan)
    return MeasuredRow(
        row,
        tuple(values.mean(0) if len(done) else missing),
        tuple(values.std(0, ddof=1) if len(done) > 1 else missing),
        len(done),
        len(mine),
    )


def _is_of(run: PlannedRun, settings: Mapping[str, Any]) -> bool:
    return all(str(run.varies.get(key)) == str(value) for key, value in settings.items())


def _metrics(run: PlannedRun, row: Row) -> dict[tuple[str, str], float]:
    folder = run.folder
    return read_natural_metrics(folder.start_metrics if row.start else folder.natural_metrics)


def _value(metrics: Mapping[tuple[str, str], float], column: Column, row: Row) -> float:
    return metrics.get((column.metric or row.metric, column.of), np.nan)
