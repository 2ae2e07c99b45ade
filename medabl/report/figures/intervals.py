"""The interval plot: how much better one method is than another, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.bootstrap import seed_average
from medabl.report.figures.style import INK, PALETTE, PAPER, panels, styled
from medabl.report.runs import Runs
from medabl.report.statistics import Comparison


@styled
def interval_plot(
    runs: Runs, comparisons: Sequence[Comparison], width: float = 5.0
) -> Figure | None:
    """Draw the paired differences of one metric, a row a comparison.

    Small dots are subjects (seeds averaged), the large one is their mean and the bar its 95 %
    interval; filled in colour where test and interval call it more than noise.

    Args:
        runs: the runs the comparisons were made from.
        comparisons: of one metric and checkpoint.
        width: in inches.

    Returns:
        the figure; None without comparisons.
    """
    shown = [c for c in comparisons if c.subjects > 0]
    if not shown:
        return None
    metric = shown[0].metric
    figure, ((axes,),) = panels(1, 1, width, 0.95 + 0.62 * len(shown))
    differences = paired_differences(runs, shown)
    for row, comparison in enumerate(shown):
        _draw_row(axes, row, comparison, differences[row])
    axes.axvline(0, color=INK, linewidth=1.0)
    names = [_name(comparison, runs.methods) for comparison in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    direction = "right: first is better" if metric.higher_is_better else "left: first is better"
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(f"Difference in {metric.name_with_unit}; {direction}")
    return figure


def paired_differences(runs: Runs, comparisons: Sequence[Comparison]) -> list[np.ndarray]:
    """Give each comparison's differences over the subjects both methods have a value for."""
    if not comparisons:
        return []
    values = runs.values(comparisons[0].metric, comparisons[0].checkpoint)
    average = {method: seed_average(wide.to_numpy()) for method, wide in values.items()}
    raw = [average[c.method] - average[c.reference] for c in comparisons]
    return [difference[~np.isnan(difference)] for difference in raw]


def _name(comparison: Comparison, labels: Mapping[str, str]) -> str:
    return f"{labels[comparison.method]}\nvs {labels[comparison.reference]}"


def _draw_row(axes: Axes, row: int, comparison: Comparison, differences: np.ndarray) -> None:
    colour = PALETTE[0] if comparison.distinguishable else INK
    # A fixed spread keeps subjects of the same value apart and the picture the same every time.
    spread = 0.17 * np.sin(np.arange(len(differences)) * 2.4)
    axes.plot(differences, row + spread, "o", color=INK, markersize=3, alpha=0.35, mew=0)
    if comparison.low == comparison.low:
        axes.plot(
            [comparison.low, comparison.high],
            [row, row],
            color=colour,
            linewidth=3,
            solid_capstyle="butt",
        )
    axes.plot(
        comparison.difference,
        row,
        "o",
        color=colour,
        markersize=8,
        markerfacecolor=colour if comparison.distinguishable else PAPER,
        markeredgewidth=1.8,
        zorder=5,
    )


@styled
def difference_plots(runs: Runs, comparisons: Sequence[Comparison]) -> Figure | None:
    """Draw the paired differences of every metric at one checkpoint, a panel a metric.

    Read each panel as `interval_plot`.

    Args:
        runs: the runs the comparisons were made from.
        comparisons: of one checkpoint, any metrics.
    """
    compared = [c for c in comparisons if c.subjects > 0]
    metrics = list(dict.fromkeys(c.metric for c in compared))
    if not metrics:
        return None
    most = max(sum(c.metric == metric for c in compared) for metric in metrics)
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    figure, grid = panels(rows, columns, 2.9, 0.75 + 0.45 * most)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        shown = [c for c in compared if c.metric == metric]
        for row, (c, d) in enumerate(zip(shown, paired_differences(runs, shown), strict=True)):
            _draw_row(axes, row, c, d)
        axes.axvline(0, color=INK, linewidth=1.0)
        axes.set_yticks(range(len(shown)), [_name(c, runs.methods) for c in shown], fontsize=7.5)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=4)
        axes.set_title(metric.heading)
    for axes in list(grid.flat)[len(metrics) :]:
        axes.set_axis_off()
    return figure
