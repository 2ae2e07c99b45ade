"""Detection curves: the share of lesions found against their size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.figures.style import (
    INK,
    fill_label,
    method_colours,
    method_markers,
    panels,
    styled,
    wrapped_panels,
)
from medabl.report.runs import Runs
from medabl.report.tables import size_label
from medabl.report.words import capitalised

# More lines than these in one panel cannot be told apart.
_ONE_PANEL = 4


@styled
def detection_curves(runs: Runs, table: pd.DataFrame) -> Figure | None:
    """Draw the share of reference lesions found, by volume, with 95 % Wilson intervals.

    More than four methods have a panel each, with the others as faint lines behind.

    Args:
        runs: for the order and colours of the methods.
        table: from `detection_table`.

    Returns:
        the figure; None when the table is empty.
    """
    if table.empty:
        return None
    ranges = sorted(set(zip(table["volume_low_mm3"], table["volume_high_mm3"], strict=True)))
    shown = [method for method in runs.methods if method in set(table["method"])]
    if len(shown) > _ONE_PANEL:
        return _small_multiples(runs, table, ranges, shown)
    figure, ((axes,),) = panels(1, 1, 6.4, 3.3)
    for k, method in enumerate(shown):
        _draw(axes, runs, table, ranges, method, shift=0.1 * (k - (len(shown) - 1) / 2))
    names = []
    for low, high in ranges:
        lesions = table.loc[table["volume_low_mm3"] == low, "lesions"].max()
        names.append(f"{size_label(low, high)}\nn = {lesions:g}")
    _finish(axes, names)
    axes.set_xlabel(f"Volume of the reference {runs.component} (mm³)")
    axes.set_ylabel(f"{capitalised(runs.component)}s detected")
    figure.legend(loc="outside upper left", ncols=min(4, len(shown)))
    return figure


def _small_multiples(
    runs: Runs, table: pd.DataFrame, ranges: list[tuple[float, float]], shown: list[str]
) -> Figure:
    figure, grid = wrapped_panels(len(shown), 2.6, 2.2, sharex=True, sharey=True)
    for axes, method in zip(grid.flat, shown, strict=False):
        for other in shown:
            if other != method:
                x, y, _ = _points(table, ranges, other)
                axes.plot(x, y, color=INK, linewidth=0.7, alpha=0.2)
        _draw(axes, runs, table, ranges, method, shift=0.0)
        axes.set_title(fill_label(runs.methods[method]))
        _finish(axes, [size_label(low, high) for low, high in ranges])
        axes.tick_params(axis="x", labelrotation=90, labelbottom=True)
    figure.supxlabel(f"Volume of the reference {runs.component} (mm³)", fontsize=9)
    figure.supylabel(f"{capitalised(runs.component)}s detected", fontsize=9)
    return figure


def _points(
    table: pd.DataFrame, ranges: list[tuple[float, float]], method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give place, share and the two arms of the interval of a method's ranges of volume."""
    mine = table[table["method"] == method]
    position = {low: i for i, (low, _) in enumerate(ranges)}
    x = np.array([position[low] for low in mine["volume_low_mm3"]], dtype=float)
    y = mine["share"].to_numpy()
    return x, y, np.maximum(np.stack([y - mine["low"], mine["high"] - y]), 0)


def _draw(
    axes: Axes,
    runs: Runs,
    table: pd.DataFrame,
    ranges: list[tuple[float, float]],
    method: str,
    shift: float,
) -> None:
    x, y, error = _points(table, ranges, method)
    axes.errorbar(
        x + shift,
        y,
        error,
        color=method_colours(runs.methods)[method],
        marker=method_markers(runs.methods)[method],
        markersize=5.5,
        linewidth=1.6,
        elinewidth=1.1,
        capsize=2.5,
        label=runs.methods[method],
    )


def _finish(axes: Axes, names: list[str]) -> None:
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(axis="x", visible=False)
