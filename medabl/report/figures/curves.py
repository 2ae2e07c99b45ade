"""Training curves: validation metrics, loss and alpha over epochs, one column per method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.columns import validation_label
from medabl.report.epochs import epoch_of
from medabl.report.figures.style import (
    INK,
    fill_label,
    hide,
    method_colours,
    panels,
    styled,
)
from medabl.report.runs import Run, Runs
from medabl.report.words import capitalised

_SIDE_BY_SIDE = 4


@styled
def training_curves(runs: Runs) -> Figure | None:
    """Draw how each method trained.

    A thin line per run, a thick one for their mean; a ring marks each run's best epoch and a
    square its last, so that a collapse between them shows. Validation metrics and alpha share
    their scale over methods; losses do not, since their values do not compare. Of more than four
    methods only the key metric is drawn (`training_details` has the rest).

    Returns:
        the figure; None when no run has a log.
    """
    rows = _drawn_columns(runs)
    return _draw_rows(runs, rows[:1] if _many(runs) else rows)


@styled
def training_details(runs: Runs) -> Figure | None:
    """Draw what `training_curves` leaves out of more than four methods; None where it does not."""
    return _draw_rows(runs, _drawn_columns(runs)[1:]) if _many(runs) else None


def _many(runs: Runs) -> bool:
    return len(runs.methods) > _SIDE_BY_SIDE


def _drawn_columns(runs: Runs) -> list[str]:
    """The columns of the logs that have values, the key metric first."""
    validated = list(runs.validation_metrics)
    columns = [*validated[:1], "train_loss", "alpha", *validated[1:]]
    return [name for name in columns if any(_has(run.epochs, name) for run in runs.runs)]


def _draw_rows(runs: Runs, columns: Sequence[str]) -> Figure | None:
    """Draw one row of panels per column of the logs, in blocks of four methods."""
    trained = {m: [r for r in runs.of(m) if r.epochs is not None] for m in runs.methods}
    methods = [method for method, found in trained.items() if found]
    if not methods or not columns:
        return None
    wide = min(_SIDE_BY_SIDE, len(methods))
    blocks = [methods[i : i + wide] for i in range(0, len(methods), wide)]
    # A row by itself carries title and axis label, too.
    height = 2.1 if len(columns) == 1 else 1.75
    figure, grid = panels(len(columns) * len(blocks), wide, 2.6, height, sharex=True)
    colours = method_colours(runs.methods)
    for i, column in enumerate(columns):
        lines = grid[i :: len(columns)]
        for line, block in zip(lines, blocks, strict=True):
            for axes, method in zip(line, block, strict=False):
                _draw(axes, trained[method], column, colours[method])
                if i == 0:
                    axes.set_title(fill_label(runs.methods[method]))
            for axes in line[len(block) :]:
                hide(axes)
            next((axes for axes in line if axes.axison), line[0]).set_ylabel(_name(column))
        if column != "train_loss":
            _share_scale(lines)
    for panel in grid[len(columns) - 1 :: len(columns)].flat:
        panel.set_xlabel("Epoch")
        panel.tick_params(labelbottom=True)
    figure.align_ylabels(grid[:, 0])
    _explain(figure, grid[0, 0], marked=columns[0] in runs.validation_metrics)
    return figure


def _name(column: str) -> str:
    if column in ("train_loss", "alpha"):
        return "Training loss" if column == "train_loss" else "alpha"
    return fill_label(capitalised(validation_label(column)), 22)


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
        if column == run.key_metric:
            _mark(axes, run, colour)
    if len(series) > 1:
        mean = pd.concat(series, axis=1).mean(axis=1)
        axes.plot(mean.index, mean, color=colour, linewidth=2.2)
    else:
        axes.lines[0].set(linewidth=2.2, alpha=1)


def _mark(axes: Axes, run: Run, colour: str) -> None:
    point: dict[str, Any] = {"markeredgecolor": colour, "linestyle": "none", "zorder": 5}
    ring: dict[str, Any] = {
        "marker": "o",
        "markersize": 6,
        "markerfacecolor": "none",
        "markeredgewidth": 1.4,
    }
    square: dict[str, Any] = {"marker": "s", "markersize": 4.5, "markerfacecolor": colour}
    for checkpoint, look in (("best", ring), ("last", square)):
        epoch = epoch_of(run, checkpoint)
        if epoch is not None:
            axes.plot(epoch["epoch"], epoch[run.key_metric], **look, **point)


def _share_scale(grid: np.ndarray) -> None:
    drawn = [axes for axes in grid.flat if axes.lines]
    low = min(axes.get_ylim()[0] for axes in drawn)
    high = max(axes.get_ylim()[1] for axes in drawn)
    for axes in drawn:
        axes.set_ylim(low, high)


def _explain(figure: Figure, axes: Axes, marked: bool) -> None:
    handles = [
        axes.plot([], [], color=INK, linewidth=0.8, alpha=0.55)[0],
        axes.plot([], [], color=INK, linewidth=2.2)[0],
        axes.plot([], [], "o", markerfacecolor="none", color=INK, markeredgewidth=1.4)[0],
        axes.plot([], [], "s", markersize=4.5, color=INK)[0],
    ]
    names = ["a run", "mean of the runs", "best epoch", "last epoch"]
    shown = 4 if marked else 2
    figure.legend(handles[:shown], names[:shown], loc="outside lower center", ncols=4)
