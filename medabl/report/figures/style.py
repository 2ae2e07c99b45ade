"""How the figures look: colours that colour-blind readers tell apart, little ink, room to read."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from cycler import cycler
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe and Ito, "Color universal design" (2008), those that hold on white and on dark grounds.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
REFERENCE_COLOUR = "#56B4E9"
PREDICTION_COLOUR = "#E69F00"
DPI = 200
# Tones that a web page exchanges for its own (see `medabl.report.svg`).
PAPER = "#fefefe"
INK = "#1b1f24"
RULE = "#d5dae0"

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=PALETTE),
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
    # Labels and subjects are anyone's text: a dollar sign is a dollar sign.
    "text.parse_math": False,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the style of the figures, leaving the user's own untouched."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with rc_context(_STYLE):
            return draw(*args, **kwargs)

    return wrapper


def panels(rows: int, columns: int, width: float, height: float, **kwargs: Any) -> Any:
    """Make a figure with rows x columns panels of `width` x `height` inches each.

    Returns:
        the figure and a 2D array of axes.
    """
    # Wider margins than usual, since a page's letters are wider than those measured here.
    layout = ConstrainedLayoutEngine(w_pad=0.07)
    figure = Figure(figsize=(width * columns, height * rows), layout=layout)
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def wrapped_panels(
    number: int, width: float, height: float, most: int = 4, **kwargs: Any
) -> tuple[Figure, Any]:
    """Make a figure of `number` panels, at most `most` side by side; superfluous ones are hidden.

    Returns:
        the figure and a 2D array of axes.
    """
    columns = min(most, number)
    rows = -(-number // columns)
    figure, grid = panels(rows, columns, width, height, **kwargs)
    for axes in list(grid.flat)[number:]:
        hide(axes)
    return figure, grid


def label_lowest(grid: Any, number: int, label: str) -> None:
    """Label the horizontal axis of the lowest of `number` panels in every column, with ticks."""
    columns = grid.shape[1]
    for axes in list(grid.flat)[max(0, number - columns) : number]:
        axes.set_xlabel(label)
        axes.tick_params(labelbottom=True)


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """Give each method its colour, the same in every figure; the seventh repeats the first's."""
    return {method: PALETTE[i % len(PALETTE)] for i, method in enumerate(methods)}


def method_markers(methods: Iterable[str]) -> dict[str, str]:
    """Give each method its marker, so that colour is never the only difference.

    Methods that share a colour differ in their marker.
    """
    number = len(MARKERS)
    return {method: MARKERS[(i + i // number) % number] for i, method in enumerate(methods)}


def hide(axes: Axes) -> None:
    """Leave out a panel that has nothing to show."""
    axes.set_axis_off()


def wrap_label(label: str, width: int = 11) -> str:
    """Break a label into lines: ``GDL + ABL`` before its plus signs, long ones at spaces too."""
    lines = label.replace(" + ", "\n+ ").splitlines()
    if len(label) <= width or not lines:
        return label.replace(" + ", "\n+ ")
    return "\n".join(
        part for line in lines for part in textwrap.wrap(line, width, break_long_words=False)
    )


def fill_label(label: str, width: int = 26) -> str:
    """Break a long label at spaces, for the side of a plot or the top of a panel."""
    return "\n".join(textwrap.wrap(label, width, break_long_words=False)) or label
