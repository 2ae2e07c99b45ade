"""Box plots: how each metric spreads over subjects."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from medabl.report.bootstrap import seed_average
from medabl.report.figures.style import INK, hide, method_colours, panels, styled, wrap_label
from medabl.report.runs import Runs


@styled
def box_plots(runs: Runs, checkpoint: str) -> Figure:
    """Draw a panel a metric, a box a method and a dot a subject (seeds averaged).

    Box: quartiles with the median; whiskers: to the farthest subject within 1.5 interquartile
    ranges. Faint lines join the same subject under different methods.
    """
    metrics = runs.metrics
    columns = min(4, len(metrics))
    rows = -(-len(metrics) // columns)
    width = max(2.15, 0.6 * len(runs.methods) + 0.5)
    figure, grid = panels(rows, columns, width, 2.1)
    colours = method_colours(runs.methods)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        wide = runs.values(metric, checkpoint)
        averages = np.stack([seed_average(frame.to_numpy()) for frame in wide.values()])
        positions = np.arange(len(wide))
        axes.plot(positions, averages, color=INK, linewidth=0.4, alpha=0.18, zorder=1)
        for position, (method, values) in enumerate(zip(wide, averages, strict=True)):
            present = values[~np.isnan(values)]
            if present.size == 0:
                continue
            line = {"color": colours[method], "linewidth": 1.4}
            axes.boxplot(
                present,
                positions=[position],
                widths=0.5,
                showfliers=False,
                boxprops=line,
                whiskerprops=line,
                capprops=line,
                medianprops={"color": colours[method], "linewidth": 2.6},
            )
            axes.plot(
                np.full(present.size, position),
                present,
                "o",
                color=colours[method],
                markersize=3.2,
                alpha=0.6,
                markeredgewidth=0,
            )
        axes.set_xticks(positions, [wrap_label(runs.methods[m]) for m in wide])
        axes.set_xlim(-0.6, len(wide) - 0.4)
        axes.grid(axis="x", visible=False)
        axes.set_title(metric.heading)
    for axes in list(grid.flat)[len(metrics) :]:
        hide(axes)
    return figure
