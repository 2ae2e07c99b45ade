"""Subjects to look at: reference and prediction outlined on the scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from medabl.errors import InputError
from medabl.report.figures.axial_slice import AxialSlice, load_slice
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR, fill_label, styled
from medabl.report.figures.subject_choice import GalleryRow

_GROUND = "#000000"
_PANEL_INCHES = 2.3
_SIDE_BY_SIDE = 5


@styled
def subject_gallery(rows: Sequence[GalleryRow]) -> Figure:
    """Draw each subject's plain image, then one panel per prediction with both outlines.

    Shown is the axial slice with the most foreground (of reference, or of the predictions where
    the reference is empty), with the voxels' true proportions, in radiological convention: the
    patient's right is on the left of the picture, anterior is up. A subject takes a line of
    panels, or several where there are many predictions.

    Args:
        rows: the subjects; each may have its own methods.

    Raises:
        InputError: a file cannot be read, or the grids of a row differ.
    """
    if not rows:
        raise InputError("The gallery needs at least one subject.")
    slices = [load_slice(row) for row in rows]
    columns = min(_SIDE_BY_SIDE, 1 + max(len(row.predictions) for row in rows))
    lines = [-(-(1 + len(row.predictions)) // columns) for row in rows]
    heights = [
        _height(piece) for piece, number in zip(slices, lines, strict=True) for _ in range(number)
    ]
    figure = Figure(
        figsize=(_PANEL_INCHES * columns, sum(heights) + 0.5 * len(heights) + 0.35),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0),
    )
    grid = figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    top = 0
    for row, piece, number in zip(rows, slices, lines, strict=True):
        _draw_subject(list(grid[top : top + number].flat), row, piece)
        top += number
    _legend(figure)
    return figure


@styled
def gallery_tiles(row: GalleryRow) -> tuple[Figure, dict[str, Figure]]:
    """Give the panels of one subject as figures of their own, without words.

    Returns:
        the scan without outlines, and one figure per prediction, in the order of the row.
    """
    piece = load_slice(row)
    return _tile(piece, None), {
        name: _tile(piece, mask) for name, mask in piece.predictions.items()
    }


def _tile(piece: AxialSlice, prediction: NDArray[np.uint8] | None) -> Figure:
    figure = Figure(figsize=(_PANEL_INCHES, _height(piece)), facecolor=_GROUND)
    _draw_panel(figure.add_axes((0, 0, 1, 1)), piece, prediction)
    return figure


def _draw_subject(panels: Sequence[Axes], row: GalleryRow, piece: AxialSlice) -> None:
    _draw_panel(panels[0], piece, None)
    panels[0].set_title(f"{fill_label(row.title)}\n{row.image_title}")
    for axes, (name, prediction) in zip(panels[1:], piece.predictions.items(), strict=False):
        _draw_panel(axes, piece, prediction)
        title = "\n".join(filter(None, (fill_label(name), row.notes.get(name, ""))))
        axes.set_title(title, fontweight="normal")
    for axes in panels[1 + len(piece.predictions) :]:
        axes.set_axis_off()


def _height(piece: AxialSlice) -> float:
    rows, columns = piece.image.shape
    return _PANEL_INCHES * rows * piece.aspect / columns


def _draw_panel(axes: Axes, piece: AxialSlice, prediction: NDArray[np.uint8] | None) -> None:
    axes.set_axis_off()
    axes.imshow(
        piece.image,
        cmap="gray",
        vmin=0,
        vmax=1,
        origin="lower",
        aspect=piece.aspect,
        interpolation="nearest",
    )
    axes.text(
        0.02, 0.5, "R", color="white", fontsize=8, transform=axes.transAxes, va="center", alpha=0.8
    )
    if prediction is None:
        return
    # The reference is drawn wider and below, so that both show where they coincide.
    for labels, colour, width in (
        (piece.reference, REFERENCE_COLOUR, 1.9),
        (prediction, PREDICTION_COLOUR, 0.9),
    ):
        for value in np.unique(labels[labels > 0]):
            axes.contour(labels == value, levels=[0.5], colors=colour, linewidths=width)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=REFERENCE_COLOUR, linewidth=2.6),
        Line2D([], [], color=PREDICTION_COLOUR, linewidth=1.4),
    ]
    figure.legend(handles, ["Reference", "Prediction"], loc="outside lower center", ncols=2)
