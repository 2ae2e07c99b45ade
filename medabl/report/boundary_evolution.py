"""A predicted boundary moving towards the true one, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medabl.files import atomic_path, read_json
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR

MOMENTS = 6


def write_boundary_evolution(runs: Sequence[Path], out: Path) -> Path | None:
    """Write ``boundary_evolution.png``: a row a method, columns through the epochs.

    The first run of each method that kept a lesion (``snapshots.npz``) is shown.

    Args:
        runs: run folders.
        out: folder of the figure.

    Returns:
        the file, None if no run kept a lesion.
    """
    rows: dict[str, Path] = {}
    for run in runs:
        if (run / "snapshots.npz").is_file():
            rows.setdefault(read_json(run / "run.json")["label"], run / "snapshots.npz")
    if not rows:
        return None
    tallest = max(_proportion(path) for path in rows.values())
    size = (1.9 * MOMENTS, (1.9 * tallest + 0.25) * len(rows) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), MOMENTS, squeeze=False)
    for axes, (label, path) in zip(grid, rows.items(), strict=True):
        with np.load(path) as snapshots:
            _draw_row(axes, label, dict(snapshots))
    figure.suptitle(
        "One validation lesion: true boundary (blue) and predicted boundary (orange)", fontsize=10
    )
    path = out / "boundary_evolution.png"
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path


def _proportion(path: Path) -> float:
    """Height over width of a run's pictures."""
    with np.load(path) as snapshots:
        width, height = snapshots["image"].shape
    return float(height / width)


def _draw_row(
    axes: npt.NDArray[np.object_], label: str, snapshots: dict[str, npt.NDArray[np.generic]]
) -> None:
    epochs = snapshots["epochs"].astype(int)
    # Boundaries move most in the first epochs, so that columns stand for ever longer steps.
    chosen = np.unique(np.geomspace(1, len(epochs), MOMENTS).round().astype(int)) - 1
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    for axis, index in zip(axes, chosen, strict=False):
        _draw(axis, snapshots["image"], snapshots["label"], snapshots["probability"][index])
        axis.set_title(f"epoch {epochs[index]}", fontsize=8)
    axes[0].set_ylabel(label, fontsize=9)


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
    axis.set_xticks([])
    axis.set_yticks([])
