"""What numbers of whole sets say, in sentences."""

from __future__ import annotations

import pandas as pd

from medabl.report.collapse import find_collapses
from medabl.report.interpretation import Answer, collapse_sentence
from medabl.report.pooled.metrics import is_compact, pooled_metric
from medabl.report.pooled.tables import means
from medabl.report.run_warnings import warnings_of_runs
from medabl.report.runs import Runs
from medabl.report.words import count, listed

EPOCH = "last"
"""What the words are about: the published training ends after a fixed number of steps."""


def deciding_metric(runs: Runs, table: pd.DataFrame) -> str:
    """The metric that chose the best epoch, or its multi-scale fellow where that alone is there."""
    names = list(dict.fromkeys(means(table)["metric"]))
    key = runs.runs[0].key_metric.removeprefix("val_")
    return next((name for name in (key, f"{key}_ms") if name in names), names[0])


def pooled_answer(runs: Runs, table: pd.DataFrame, reference: str | None) -> Answer:
    """Which method has the highest numbers, and why that is no test.

    Args:
        runs: what is compared.
        table: from `pooled_table`.
        reference: the method that the others are compared with; None: the first.
    """
    name = deciding_metric(runs, table)
    metric = pooled_metric(name)
    last = means(table)[lambda t: t["epoch"] == EPOCH]
    wide = last.pivot(index="metric", columns="method", values="mean")
    wide = wide.reindex(last["metric"].unique())
    values = wide.loc[name, list(runs.methods)]
    best = [runs.methods[method] for method in values.index[values == values.max()]]
    others = f", the highest of {count(len(values), 'method')}" if len(values) > 1 else ""
    images = runs.task.images if runs.task is not None and runs.task.images else "images"
    which = "test" if runs.tested else "validation"
    first = reference or next(iter(runs.methods))
    shown = [other for other in wide.index if is_compact(other)]
    differences = [
        f"{label} against {runs.methods[first]}: "
        + listed(
            [
                f"{pooled_metric(m).format(wide.loc[m, method] - wide.loc[m, first], signed=True)}"
                f" {_in_a_sentence(pooled_metric(m).label)}"
                for m in shown
            ]
        )
        + "."
        for method, label in runs.methods.items()
        if method != first
    ]
    collapses = find_collapses(runs)
    collapsed = [
        collapse_sentence(runs, method, mine)
        for method in runs.methods
        if (mine := [c for c in collapses if c.method == method])
    ]
    return Answer(
        headline=f"{listed(best)}: {metric.label} {metric.format(values.max())}{others}.",
        basis=f"Of all {which} {images} together, at the last epoch, which is not chosen.",
        certainty=_certainty(runs),
        details=tuple(differences),
        warnings=(*collapsed, *warnings_of_runs(runs)),
    )


def _in_a_sentence(label: str) -> str:
    first, *others = label.split()
    return " ".join([first.lower() if len(first) > 1 and first.istitle() else first, *others])


def _certainty(runs: Runs) -> str:
    said = "A run gives one number for the whole set, so that nothing is tested here"
    if all(len(runs.of(method)) > 1 for method in runs.methods):
        return f"{said}: the standard deviations are those over the runs."
    if len(runs.methods) == 1:
        return f"{said}, and another seed would give another."
    return f"{said}, and with a single run of a method another seed may change the order."
