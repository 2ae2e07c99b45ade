"""Subjects to look at: reference and prediction outlined on FLAIR, best, median and worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from medabl.data.labels import read_labels, read_prediction
from medabl.data.nifti import Volume, check_same_grid, read_nifti
from medabl.errors import InputError
from medabl.report.bootstrap import seed_average
from medabl.report.figures.style import PREDICTION_COLOUR, REFERENCE_COLOUR, styled
from medabl.report.runs import Run, Runs

_GROUND = "#000000"
_PANEL_INCHES = 2.3


@dataclass(frozen=True)
class GalleryRow:
    """One subject of the gallery.

    Args:
        title: what the row is, such as ``"Best: Utrecht/3"``.
        reference: the reference segmentation (NIfTI; label 1 is lesion).
        predictions: panel title -> predicted segmentation.
        image: the scan to draw on; None draws on black.
        notes: panel title -> a short text below it, such as its Dice.
    """

    title: str
    reference: Path
    predictions: Mapping[str, Path]
    image: Path | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Slice:
    """One axial slice ready to draw: 2D arrays with the patient's right at column 0."""

    image: NDArray[np.float64]
    reference: NDArray[np.bool_]
    predictions: dict[str, NDArray[np.bool_]]
    aspect: float


@styled
def subject_gallery(rows: Sequence[GalleryRow]) -> Figure:
    """Draw a row a subject: the plain image, then one panel a prediction with both outlines.

    Shown is the axial slice with the most lesion (of reference, or of the predictions where the
    reference is empty), with the voxels' true proportions, in radiological convention: the
    patient's right is on the left of the picture, anterior is up.

    Args:
        rows: the subjects; each may have its own methods.

    Raises:
        InputError: a file cannot be read, or the grids of a row differ.
    """
    if not rows:
        raise InputError("The gallery needs at least one subject.")
    slices = [_load(row) for row in rows]
    columns = 1 + max(len(row.predictions) for row in rows)
    heights = [_height(piece) for piece in slices]
    figure = Figure(
        figsize=(_PANEL_INCHES * columns, sum(heights) + 0.5 * len(rows) + 0.35),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0),
    )
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes_row, row, piece in zip(grid, rows, slices, strict=True):
        _draw_panel(axes_row[0], piece, None)
        axes_row[0].set_title(row.title)
        for axes, (name, prediction) in zip(axes_row[1:], piece.predictions.items(), strict=False):
            _draw_panel(axes, piece, prediction)
            note = row.notes.get(name, "")
            axes.set_title(f"{name}  {note}" if note else name, fontweight="normal")
        for axes in axes_row[1 + len(piece.predictions) :]:
            axes.set_axis_off()
    _legend(figure)
    return figure


@styled
def gallery_tiles(row: GalleryRow) -> dict[str, Figure]:
    """Give the panels of one subject as figures of their own, without words.

    Returns:
        ``"image"`` (no outline) and one figure a prediction, in the order of the row.
    """
    piece = _load(row)
    tiles: dict[str, Figure] = {}
    for name, prediction in [("image", None), *piece.predictions.items()]:
        figure = Figure(figsize=(_PANEL_INCHES, _height(piece)), facecolor=_GROUND)
        _draw_panel(figure.add_axes((0, 0, 1, 1)), piece, prediction)
        tiles[name] = figure
    return tiles


def gallery_rows(runs: Runs, checkpoint: str) -> list[GalleryRow]:
    """Choose the best, median and worst subject by the deciding metric.

    A subject's value is the mean over methods and seeds, so that all methods are seen on the same
    subjects; the predictions shown are those of each method's first seed. Subjects without a
    value under some method, and methods whose files are not there any more, are left out.
    """
    metric = runs.primary
    wide = runs.values(metric, checkpoint)
    averages = np.stack([seed_average(frame.to_numpy()) for frame in wide.values()]).mean(axis=0)
    subjects = np.array(next(iter(wide.values())).index)[~np.isnan(averages)]
    known = averages[~np.isnan(averages)]
    order = np.argsort(-known if metric.higher_is_better else known, kind="stable")
    names = [str(subjects[i]) for i in order]
    if not names:
        return []
    picks = {"Best": names[0], "Median": names[(len(names) - 1) // 2], "Worst": names[-1]}
    if len(names) == 1:
        picks = {"Only subject": names[0]}
    elif len(names) == 2:
        picks = {"Best": names[0], "Worst": names[1]}
    rows = [_row(runs, checkpoint, rank, subject) for rank, subject in picks.items()]
    return [row for row in rows if row is not None]


def _row(runs: Runs, checkpoint: str, rank: str, subject: str) -> GalleryRow | None:
    predictions: dict[str, Path] = {}
    notes: dict[str, str] = {}
    reference: Path | None = None
    image: Path | None = None
    for method, label in runs.methods.items():
        for run in runs.of(method):
            evaluated = run.at(checkpoint)
            assert evaluated is not None
            mine = evaluated.subjects[evaluated.subjects["subject"] == subject]
            if mine.empty:
                continue
            files = mine.iloc[0].to_dict()
            prediction = _find(run, files.get("prediction"))
            if prediction is None and run.folder is not None:
                # A run folder that was moved still holds its own predictions.
                kept = run.folder / "predictions" / checkpoint
                prediction = _find(run, kept / f"{subject.replace('/', '_')}.nii.gz")
            if prediction is not None:
                predictions[label] = prediction
                metric = runs.primary
                notes[label] = f"{metric.label} {metric.format(float(files[metric.column]))}"
            reference = reference or _find(run, files.get("reference"))
            image = image or _find(run, files.get("image"))
            break
    if reference is None or not predictions:
        return None
    return GalleryRow(f"{rank}: {subject}", reference, predictions, image, notes)


def _find(run: Run, name: object) -> Path | None:
    """Find a file named in an evaluation CSV: as it stands, or relative to the CSV or the run."""
    if not isinstance(name, str | Path) or not str(name):
        return None
    evaluated = next(iter(run.evaluations.values()))
    places = [Path(), evaluated.path.parent] + ([run.folder] if run.folder is not None else [])
    return next((place / name for place in places if (place / name).is_file()), None)


def _load(row: GalleryRow) -> _Slice:
    reference = read_labels(row.reference)
    found = {name: read_prediction(path) for name, path in row.predictions.items()}
    scan = read_nifti(row.image) if row.image is not None else None
    for other in [*found.values(), *([scan] if scan is not None else [])]:
        check_same_grid(reference, other)
    lesion = _radiological(reference) == 1
    predictions = {name: _radiological(volume) == 1 for name, volume in found.items()}
    image = np.zeros(lesion.shape) if scan is None else _radiological(scan)
    shown = lesion if lesion.any() else np.any(list(predictions.values()), axis=0)
    counts = shown.sum(axis=(0, 1))
    z = int(counts.argmax()) if counts.any() else lesion.shape[2] // 2
    window = _crop(image, lesion, predictions)
    spacing = reference.spacing
    return _Slice(
        image=_normalise(image)[..., z][window].T,
        reference=lesion[..., z][window].T,
        predictions={name: mask[..., z][window].T for name, mask in predictions.items()},
        aspect=spacing[1] / spacing[0],
    )


def _radiological(volume: Volume) -> np.ndarray:
    """Reorder a volume so that index 0 is the patient's right, posterior and inferior end."""
    return volume.data[::-1]


def _crop(
    image: np.ndarray, lesion: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> tuple[slice, slice]:
    """Cut away empty margins of the head, over all slices, keeping every outlined voxel."""
    inside = lesion | np.any(list(predictions.values()), axis=0)
    positive = image[image > 0]
    if positive.size:
        inside = inside | (image > 0.15 * np.percentile(positive, 99))
    window = []
    for axis in (0, 1):
        occupied = np.flatnonzero(inside.any(axis=(1 - axis, 2)))
        size = inside.shape[axis]
        low, high = (occupied[0], occupied[-1]) if occupied.size else (0, size - 1)
        window.append(slice(max(0, low - 3), min(size, high + 4)))
    return window[0], window[1]


def _normalise(image: np.ndarray) -> NDArray[np.float64]:
    positive = image[image > 0]
    if positive.size == 0:
        return np.zeros(image.shape)
    low, high = np.percentile(positive, [1, 99.7])
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1)


def _height(piece: _Slice) -> float:
    rows, columns = piece.image.shape
    return _PANEL_INCHES * rows * piece.aspect / columns


def _draw_panel(axes: Axes, piece: _Slice, prediction: NDArray[np.bool_] | None) -> None:
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
    for mask, colour, width in (
        (piece.reference, REFERENCE_COLOUR, 1.9),
        (prediction, PREDICTION_COLOUR, 0.9),
    ):
        if mask.any():
            axes.contour(mask, levels=[0.5], colors=colour, linewidths=width)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=REFERENCE_COLOUR, linewidth=2.6),
        Line2D([], [], color=PREDICTION_COLOUR, linewidth=1.4),
    ]
    figure.legend(handles, ["Reference", "Prediction"], loc="outside lower center", ncols=2)
