"""Training curves: validation Dice, loss and alpha over epochs, a column a method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.collapse import best_epoch
from medabl.report.figures.style import INK, hide, method_colours, panels, styled
from medabl.report.runs import Run, Runs

_ROWS = (
    ("val_slice_dsc", "Validation slice DSC"),
    ("train_loss", "Training loss"),
    ("alpha", "alpha"),
)


@styled
def training_curves(runs: Runs) -> Figure | None:
    """Draw how each method trained.

    A thin line a run, a thick one their mean; a ring marks each run's best epoch and a square its
    last, so that a collapse between them shows. Validation Dice and alpha share their scale over
    methods; losses do not, since their values do not compare.

    Returns:
        the figure; None when no run has an ``epochs.csv``.
    """
    trained = {m: [r for r in runs.of(m) if r.epochs is not None] for m in runs.methods}
    trained = {method: found for method, found in trained.items() if found}
    if not trained:
        return None
    rows = [
        row
        for row in _ROWS
        if any(_has(run.epochs, row[0]) for found in trained.values() for run in found)
    ]
    figure, axes = panels(len(rows), len(trained), 2.6, 1.75, sharex=True)
    colours = method_colours(runs.methods)
    for i, (column, name) in enumerate(rows):
        for j, (method, found) in enumerate(trained.items()):
            _draw(axes[i, j], found, column, colours[method])
            if i == 0:
                axes[i, j].set_title(runs.methods[method])
        first = next(panel for panel in axes[i] if panel.axison)
        first.set_ylabel(name)
        if column != "train_loss":
            _share_scale(axes[i])
    for panel in axes[-1]:
        panel.set_xlabel("Epoch")
    figure.align_ylabels(axes[:, 0])
    _explain(figure, axes[0, 0])
    return figure


def _has(epochs: pd.DataFrame | None, column: str) -> bool:
    return epochs is not None and column in epochs and bool(epochs[column].notna().any())


def _draw(axes: Axes, found: list[Run], column: str, colour: str) -> None:
    measured = [run for run in found if _has(run.epochs, column)]
    if not measured:
        hide(axes)
        return
    series = []
    for run in measured:
        assert run.epochs is not None
        epochs = run.epochs.dropna(subset=[column])
        axes.plot(epochs["epoch"], epochs[column], color=colour, linewidth=0.8, alpha=0.55)
        series.append(epochs.set_index("epoch")[column])
        if column == "val_slice_dsc":
            _mark(axes, epochs, colour)
    if len(series) > 1:
        mean = pd.concat(series, axis=1).mean(axis=1)
        axes.plot(mean.index, mean, color=colour, linewidth=2.2)
    else:
        axes.lines[0].set(linewidth=2.2, alpha=1)


def _mark(axes: Axes, epochs: pd.DataFrame, colour: str) -> None:
    top, end = best_epoch(epochs), epochs.iloc[-1]
    point: dict[str, Any] = {"markeredgecolor": colour, "linestyle": "none", "zorder": 5}
    axes.plot(
        top["epoch"],
        top["val_slice_dsc"],
        marker="o",
        markersize=6,
        markerfacecolor="none",
        markeredgewidth=1.4,
        **point,
    )
    axes.plot(
        end["epoch"],
        end["val_slice_dsc"],
        marker="s",
        markersize=4.5,
        markerfacecolor=colour,
        **point,
    )


def _share_scale(row: np.ndarray) -> None:
    drawn = [axes for axes in row if axes.lines]
    low = min(axes.get_ylim()[0] for axes in drawn)
    high = max(axes.get_ylim()[1] for axes in drawn)
    for axes in drawn:
        axes.set_ylim(low, high)


def _explain(figure: Figure, axes: Axes) -> None:
    handles = [
        axes.plot([], [], color=INK, linewidth=0.8, alpha=0.55)[0],
        axes.plot([], [], color=INK, linewidth=2.2)[0],
        axes.plot([], [], "o", markerfacecolor="none", color=INK, markeredgewidth=1.4)[0],
        axes.plot([], [], "s", markersize=4.5, color=INK)[0],
    ]
    names = ["a run", "mean of the runs", "best epoch", "last epoch"]
    figure.legend(handles, names, loc="outside lower center", ncols=4)
