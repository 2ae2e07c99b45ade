"""A predicted boundary moving towards the true one, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR, styled
from medabl.report.load import Snapshots, load_snapshots
from medabl.report.png import save_png

MOMENTS = 6


@styled
def write_boundary_evolution(runs: Sequence[Path], out: Path) -> Path | None:
    """Write ``boundary_evolution.png``: one row per method, columns through the epochs.

    The first run of each method that kept pictures of a structure is shown.

    Args:
        runs: run folders.
        out: folder of the figure.

    Returns:
        the file, None if no run kept pictures.
    """
    rows: dict[str, Snapshots] = {}
    for run in runs:
        snapshots = load_snapshots(run)
        if snapshots is not None:
            rows.setdefault(snapshots.label, snapshots)
    if not rows:
        return None
    tallest = max(kept.image.shape[1] / kept.image.shape[0] for kept in rows.values())
    size = (1.9 * MOMENTS, (1.9 * tallest + 0.25) * len(rows) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), MOMENTS, squeeze=False)
    for axes, snapshots in zip(grid, rows.values(), strict=True):
        _draw_row(axes, snapshots)
    figure.suptitle(
        f"One validation {next(iter(rows.values())).structure}: true boundary (blue) and "
        "predicted boundary (orange)",
        fontsize=10,
    )
    path = out / "boundary_evolution.png"
    save_png(figure, path, dpi=150)
    return path


def _draw_row(axes: npt.NDArray[np.object_], kept: Snapshots) -> None:
    # Boundaries move most in the first epochs, so that columns stand for ever longer steps.
    number = len(kept.epochs)
    chosen = np.unique(np.geomspace(1, number, MOMENTS).round().astype(int)) - 1
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    for axis, index in zip(axes, chosen, strict=False):
        _draw(axis, kept.image, kept.reference, kept.probability[index])
        axis.set_title(f"epoch {kept.epochs[index]}", fontsize=8)
    axes[0].set_ylabel(kept.label, fontsize=9)


def _draw(
    axis: Axes,
    image: npt.NDArray[np.generic],
    label: npt.NDArray[np.generic],
    probability: npt.NDArray[np.generic],
) -> None:
    # Transposed: the first array axis runs from left to right on the page.
    axis.imshow(image.T, cmap="gray", origin="lower", interpolation="nearest")
    for mask, colour in ((label, REFERENCE_COLOUR), (probability, PREDICTION_COLOUR)):
        values = mask.T.astype(float)
        if values.min() < 0.5 < values.max():
            axis.contour(values, levels=[0.5], colors=[colour], linewidths=1.4)
    axis.set_frame_on(False)
    axis.set_xticks([])
    axis.set_yticks([])
