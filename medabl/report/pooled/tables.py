"""Numbers of whole sets, averaged over the runs of a method."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medabl.report.pooled.metrics import pooled_metric
from medabl.report.runs import Runs
from medabl.report.words import CHECKPOINT_NAMES

ALL = "all"
_KEYS = ["method", "label", "epoch", "metric", "class"]


def pooled_table(runs: Runs) -> pd.DataFrame:
    """The metrics of every method, epoch and class.

    Returns:
        a row each: ``method, label, epoch`` (``last``, ``best``, ``start``), ``metric, class``
        (`ALL`: the mean over classes or objects), ``mean`` and ``sd`` over the runs (NaN for
        one), ``runs``.
    """
    tables = [
        table.assign(method=method, label=label, epoch=epoch)
        for method, label in runs.methods.items()
        for run in runs.of(method)
        for epoch, table in run.pooled.items()
    ]
    grouped = pd.concat(tables).groupby(_KEYS, sort=False, dropna=False)["value"]
    return grouped.agg(mean="mean", sd="std", runs="size").reset_index()


def means(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are of no single class."""
    return table[table["class"] == ALL]


def format_methods(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Text: a row a method and epoch, a column for each of some metrics."""
    rows = []
    chosen = means(table)
    for (label, epoch), mine in chosen.groupby(["label", "epoch"], sort=False):
        columns = (mine["metric"], mine["mean"], mine["sd"])
        cells = {name: _cell(name, mean, sd) for name, mean, sd in zip(*columns, strict=True)}
        headed = {pooled_metric(name).heading: cells.get(name, "") for name in names}
        rows.append({"Method": label, "Epoch": CHECKPOINT_NAMES[str(epoch)], **headed})
    return pd.DataFrame(rows)


def format_classes(table: pd.DataFrame, name: str, epoch: str) -> pd.DataFrame:
    """Text: a row a class, a column a method, of one metric at one epoch."""
    mine = table[(table["metric"] == name) & (table["epoch"] == epoch) & (table["class"] != ALL)]
    rows: dict[str, dict[str, str]] = {}
    for row in mine.to_dict("records"):
        cell = _cell(name, row["mean"], row["sd"])
        rows.setdefault(row["class"], {"Class": row["class"]})[row["label"]] = cell
    return pd.DataFrame(list(rows.values()))


def class_metric_names(table: pd.DataFrame) -> list[str]:
    """The metrics that single classes have."""
    return list(dict.fromkeys(table.loc[table["class"] != ALL, "metric"]))


def _cell(name: str, mean: float, sd: float) -> str:
    metric = pooled_metric(name)
    return metric.format(mean) + (f" ± {metric.format(sd)}" if sd == sd else "")
