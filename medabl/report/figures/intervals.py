"""The interval plot: how much better one method is than another, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.comparisons import Comparison
from medabl.report.figures.style import (
    INK,
    PALETTE,
    PAPER,
    fill_label,
    panels,
    styled,
    wrapped_panels,
)
from medabl.report.runs import Runs
from medabl.statistics import seed_average

_FEW_ROWS = 4


@styled
def interval_plot(
    runs: Runs, comparisons: Sequence[Comparison], width: float = 5.0
) -> Figure | None:
    """Draw the paired differences of one metric, one row per comparison.

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
    row_height = 0.62 if len(shown) <= _FEW_ROWS else 0.42
    figure, ((axes,),) = panels(1, 1, width, 0.95 + row_height * len(shown))
    _draw_rows(axes, runs, shown)
    names, reference = _names(shown, runs.methods)
    axes.set_yticks(range(len(shown)), names)
    direction = "right: first is better" if metric.higher_is_better else "left: first is better"
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(f"Difference in {metric.name_with_unit}{reference}; {direction}")
    return figure


def paired_differences(runs: Runs, comparisons: Sequence[Comparison]) -> list[np.ndarray]:
    """Give each comparison's differences over the subjects both methods have a value for."""
    if not comparisons:
        return []
    values = runs.values(comparisons[0].metric, comparisons[0].checkpoint)
    average = {method: seed_average(wide.to_numpy()) for method, wide in values.items()}
    raw = [average[c.method] - average[c.reference] for c in comparisons]
    return [difference[~np.isnan(difference)] for difference in raw]


def _names(comparisons: Sequence[Comparison], labels: Mapping[str, str]) -> tuple[list[str], str]:
    """Name the rows; a reference that many rows share is named once, for the axis."""
    references = {labels[c.reference] for c in comparisons}
    if len(comparisons) > _FEW_ROWS and len(references) == 1:
        return [fill_label(labels[c.method]) for c in comparisons], f"\nto {references.pop()}"
    names = [
        f"{fill_label(labels[c.method])}\nvs {fill_label(labels[c.reference])}" for c in comparisons
    ]
    return names, ""


def _draw_rows(axes: Axes, runs: Runs, shown: Sequence[Comparison]) -> None:
    differences = paired_differences(runs, shown)
    for row, (comparison, values) in enumerate(zip(shown, differences, strict=True)):
        _draw_row(axes, row, comparison, values)
    axes.axvline(0, color=INK, linewidth=1.0)
    axes.set_ylim(len(shown) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


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
    """Draw the paired differences of every metric at one checkpoint, one panel per metric.

    Read each panel as `interval_plot`.

    Args:
        runs: the runs the comparisons were made from.
        comparisons: of one checkpoint, any metrics.
    """
    compared = [c for c in comparisons if c.subjects > 0]
    metrics = list(dict.fromkeys(c.metric for c in compared))
    if not metrics:
        return None
    by_metric = {metric: [c for c in compared if c.metric == metric] for metric in metrics}
    pairs = [[(c.method, c.reference) for c in shown] for shown in by_metric.values()]
    same = all(rows == pairs[0] for rows in pairs)
    most = max(map(len, pairs))
    row_height = 0.45 if most <= _FEW_ROWS else 0.33
    figure, grid = wrapped_panels(len(metrics), 2.9, 0.85 + row_height * most, most=3, sharey=same)
    for axes, (metric, shown) in zip(grid.flat, by_metric.items(), strict=False):
        _draw_rows(axes, runs, shown)
        names, reference = _names(shown, runs.methods)
        axes.set_yticks(range(len(shown)), names)
        axes.tick_params(axis="y", labelsize=7.5)
        axes.locator_params(axis="x", nbins=4)
        axes.set_title(metric.heading)
        if reference:
            axes.set_xlabel(f"Difference{reference}", fontsize=7.5)
    return figure
