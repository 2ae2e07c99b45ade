"""Bland-Altman plots of volume, one panel per method."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from medabl.report.figures.style import (
    INK,
    fill_label,
    label_lowest,
    method_colours,
    styled,
    wrapped_panels,
)
from medabl.report.runs import Runs
from medabl.report.tables import agreement_table, volumes
from medabl.statistics.bootstrap import Array


@styled
def bland_altman(runs: Runs, checkpoint: str) -> Figure | None:
    """Draw predicted minus reference volume against the mean of both, one dot per subject.

    The solid line is the bias, the dashed ones the 95 % limits of agreement. The horizontal axis
    is square-root scaled: lesion loads span two orders of magnitude and may be zero.

    Returns:
        the figure; None when the evaluations do not hold the volumes.
    """
    measured = volumes(runs, checkpoint)
    if measured.empty:
        return None
    table = agreement_table(runs, checkpoint).set_index("method")
    figure, grid = wrapped_panels(len(table), 2.6, 2.5, sharex=True, sharey=True)
    colours = method_colours(runs.methods)
    for axes, (method, row) in zip(grid.flat, table.iterrows(), strict=False):
        mine = measured[measured["method"] == method]
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.axhline(row["bias_ml"], color=colours[str(method)], linewidth=1.8)
        for limit in ("lower_limit_ml", "upper_limit_ml"):
            axes.axhline(row[limit], color=colours[str(method)], linewidth=1.3, linestyle="--")
        axes.plot(
            mine["mean_ml"],
            mine["difference_ml"],
            "o",
            color=colours[str(method)],
            markersize=4.5,
            alpha=0.75,
            markeredgewidth=0,
        )
        axes.set_title(fill_label(row["label"]))
    highest = float(measured["mean_ml"].max())
    for axes in grid.flat:
        axes.set_xscale("function", functions=(_root, _square))
        axes.set_xlim(0, highest * 1.1 + 0.1)
        axes.set_xticks([t for t in (0, 1, 5, 10, 25, 50, 100, 200, 400) if t <= highest * 1.1])
    label_lowest(grid, len(table), "Mean volume (ml)")
    for axes in grid[:, 0]:
        axes.set_ylabel("Prediction \N{MINUS SIGN} reference (ml)")
    return figure


def _root(x: Array) -> Array:
    return np.abs(x) ** 0.5


def _square(x: Array) -> Array:
    return x**2
