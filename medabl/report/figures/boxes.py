"""Box plots: how each metric spreads over subjects."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medabl.report.columns import Metric
from medabl.report.figures.style import (
    INK,
    fill_label,
    method_colours,
    styled,
    wrap_label,
    wrapped_panels,
)
from medabl.report.runs import Runs
from medabl.statistics import seed_average

# More methods than these do not stand side by side: their boxes lie one below the other.
_UPRIGHT = 4


@styled
def box_plots(runs: Runs, checkpoint: str) -> Figure:
    """Draw one panel per metric, with one box per method and one dot per subject (seeds averaged).

    Box: quartiles with the median; whiskers: to the farthest subject within 1.5 interquartile
    ranges. Faint lines join the same subject under different methods.
    """
    upright = len(runs.methods) <= _UPRIGHT
    if upright:
        width, height = max(2.15, 0.6 * len(runs.methods) + 0.5), 2.1
        figure, grid = wrapped_panels(len(runs.metrics), width, height)
    else:
        height = 0.7 + 0.25 * len(runs.methods)
        figure, grid = wrapped_panels(len(runs.metrics), 2.6, height, sharey=True)
    for axes, metric in zip(grid.flat, runs.metrics, strict=False):
        _draw(axes, runs, metric, checkpoint, upright)
        axes.set_title(metric.heading)
    return figure


def _draw(axes: Axes, runs: Runs, metric: Metric, checkpoint: str, upright: bool) -> None:
    wide = runs.values(metric, checkpoint)
    averages = np.stack([seed_average(frame.to_numpy()) for frame in wide.values()])
    positions = np.arange(len(wide))
    places = np.broadcast_to(positions[:, None], averages.shape)
    lines = (places, averages) if upright else (averages, places)
    axes.plot(*lines, color=INK, linewidth=0.4, alpha=0.18, zorder=1)
    colours = method_colours(runs.methods)
    for position, (method, values) in enumerate(zip(wide, averages, strict=True)):
        present = values[~np.isnan(values)]
        if present.size:
            _draw_box(axes, position, present, colours[method], upright)
    if upright:
        axes.set_xticks(positions, [wrap_label(runs.methods[m]) for m in wide])
        axes.set_xlim(-0.6, len(wide) - 0.4)
    else:
        axes.set_yticks(positions, [fill_label(runs.methods[m]) for m in wide])
        axes.set_ylim(len(wide) - 0.4, -0.6)
        axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x" if upright else "y", visible=False)


def _draw_box(
    axes: Axes, position: int, values: NDArray[np.float64], colour: str, upright: bool
) -> None:
    line = {"color": colour, "linewidth": 1.4}
    axes.boxplot(
        values,
        positions=[position],
        orientation="vertical" if upright else "horizontal",
        widths=0.5,
        showfliers=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={"color": colour, "linewidth": 2.6},
    )
    place = np.full(values.size, position)
    dots = (place, values) if upright else (values, place)
    axes.plot(*dots, "o", color=colour, markersize=3.2, alpha=0.6, markeredgewidth=0)
