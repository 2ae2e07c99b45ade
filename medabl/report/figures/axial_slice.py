"""The axial slice of a subject that shows most, whatever way its files are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medabl.data.nifti import Volume, check_same_grid, read_nifti
from medabl.report.figures.subject_choice import GalleryRow

# A mask stored with a scale, or a probability that is all but certain, is this close to a label.
_LABEL_TOLERANCE = 0.01


@dataclass(frozen=True)
class AxialSlice:
    """One axial slice ready to draw, the patient's right at column 0 and posterior at row 0.

    Attributes:
        image: rows x columns in [0, 1].
        reference: rows x columns of labels, 0 where nothing is outlined.
        predictions: panel title -> the same.
        aspect: height over width of a pixel.
    """

    image: NDArray[np.float64]
    reference: NDArray[np.uint8]
    predictions: dict[str, NDArray[np.uint8]]
    aspect: float


def load_slice(row: GalleryRow) -> AxialSlice:
    """Read a subject and cut out the axial slice with the most foreground.

    It is that of the reference, or of the predictions where the reference is empty.

    Raises:
        InputError: a file cannot be read, or the grids differ.
    """
    reference = _read_mask(row.reference, row.labels)
    found = {name: _read_mask(path, row.labels) for name, path in row.predictions.items()}
    scan = _canonical(read_nifti(row.image)) if row.image is not None else None
    for other in [*found.values(), *([scan] if scan is not None else [])]:
        check_same_grid(reference, other)
    truth = _radiological(reference)
    predictions = {name: _radiological(volume) for name, volume in found.items()}
    image = np.zeros(truth.shape) if scan is None else _radiological(scan)
    shown = truth > 0 if truth.any() else np.any(list(predictions.values()), axis=0)
    counts = shown.sum(axis=(0, 1))
    z = int(counts.argmax()) if counts.any() else truth.shape[2] // 2
    window = _crop(image, truth, predictions)
    return AxialSlice(
        image=_normalise(image)[..., z][window].T,
        reference=truth[..., z][window].T,
        predictions={name: mask[..., z][window].T for name, mask in predictions.items()},
        aspect=reference.spacing[1] / reference.spacing[0],
    )


def _read_mask(path: Path, labels: Sequence[int]) -> Volume:
    """Read labels, all but `labels` set to 0, or the probability of the first of them."""
    volume = _canonical(read_nifti(path))
    nearest = np.rint(volume.data)
    if np.abs(volume.data - nearest).max() > _LABEL_TOLERANCE:
        mask = np.where(volume.data >= 0.5, labels[0], 0)
    else:
        mask = np.where(np.isin(nearest, labels), nearest, 0)
    return replace(volume, data=mask.astype(np.uint8))


def _canonical(volume: Volume) -> Volume:
    """Store a volume from left to right, back to front and bottom to top (RAS+)."""
    orientation = nib.orientations.io_orientation(volume.affine)
    moved = nib.orientations.inv_ornt_aff(orientation, volume.data.shape)
    axes = np.argsort(orientation[:, 0])
    x, y, z = (volume.spacing[int(axis)] for axis in axes)
    return replace(
        volume,
        data=nib.orientations.apply_orientation(volume.data, orientation),
        affine=volume.affine @ moved,
        spacing=(x, y, z),
    )


def _radiological(volume: Volume) -> np.ndarray:
    """Turn a canonical volume so that index 0 is the patient's right."""
    return volume.data[::-1]


def _crop(
    image: np.ndarray, reference: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> tuple[slice, slice]:
    """Cut away empty margins of the head, over all slices, keeping every outlined voxel."""
    inside = (reference > 0) | np.any(list(predictions.values()), axis=0)
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
