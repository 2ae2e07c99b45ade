"""Means of every class, where several are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from medabl.report.columns import Metric, known_metrics
from medabl.report.runs import Runs
from medabl.report.tables.methods import format_cell, measured_checkpoints, summarise, values_at
from medabl.report.words import CHECKPOINT_NAMES


def class_table(runs: Runs) -> pd.DataFrame:
    """Summarise every class under every method at every checkpoint.

    Returns:
        one row per class, method and checkpoint: ``class, method, label, epoch`` and, for each
        metric of single classes, the columns of `comparison_table` under the metric's own name
        (``dsc``, ``dsc_sd``, ...); empty where no class is evaluated by itself.
    """
    rows = []
    for name in dict.fromkeys(metric.of_class for metric in runs.class_metrics):
        metrics = [metric for metric in runs.class_metrics if metric.of_class == name]
        for method, label in runs.methods.items():
            for checkpoint in measured_checkpoints(runs, method):
                row: dict[str, object] = {"class": name, "method": method, "label": label}
                row["epoch"] = checkpoint
                for metric in metrics:
                    values = values_at(runs, metric, method, checkpoint)
                    row |= summarise(values, all_classes(metric).column)
                rows.append(row)
    return pd.DataFrame(rows)


def all_classes(metric: Metric) -> Metric:
    """Give the metric of all classes that a metric of one class belongs to."""
    return replace(metric, column=metric.column.removesuffix(f"_{metric.of_class}"), of_class="")


def shown_metrics(table: pd.DataFrame) -> Sequence[Metric]:
    """Give the metrics a table of classes holds, in reports' order."""
    return known_metrics(map(str, table.columns))


def format_classes(table: pd.DataFrame) -> pd.DataFrame:
    """Turn a table of classes into text, one column per metric."""
    rows = []
    for _, row in table.iterrows():
        text = {
            "Class": str(row["class"]),
            "Method": str(row["label"]),
            "Epoch": CHECKPOINT_NAMES[str(row["epoch"])],
        }
        for metric in shown_metrics(table):
            text[metric.heading] = " ".join(filter(None, format_cell(row, metric)))
        rows.append(text)
    return pd.DataFrame(rows)
