"""References and predictions on disk, read with every check a table's number should stand on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medabl.data.nifti import Volume, read_nifti
from medabl.errors import InputError

NIFTI_SUFFIXES = (".nii.gz", ".nii")
_LABEL_TOLERANCE = 1e-3


def read_reference(path: Path) -> Volume:
    """Read a reference: labels 0, 1 (lesion) and 2 (other pathology), stored as any number.

    Returns:
        the volume with `data` as uint8.

    Raises:
        InputError: if the file cannot be used (`read_nifti`), its header contradicts its affine, or
            it holds anything else.
    """
    volume = read_nifti(path)
    by_affine = np.linalg.norm(volume.affine[:3, :3], axis=0)
    if not np.allclose(by_affine, volume.spacing, rtol=0.01, atol=0):
        raise InputError(
            f"{path} contradicts itself: its header gives voxels of {_sizes(volume.spacing)} mm, "
            f"its affine of {_sizes(by_affine)} mm; correct its header."
        )
    labels = _as_labels(volume.data)
    if labels is None:
        raise InputError(
            f"{path} holds {_some_values(volume.data)} where a reference holds only the labels "
            "0, 1 (lesion) and 2 (other pathology)."
        )
    return replace(volume, data=labels)


def read_prediction(path: Path) -> Volume:
    """Read a prediction: labels 0, 1, 2, or probabilities of lesion.

    Returns:
        the volume with `data` as bool: label 1, or a probability of 0.5 and more. Label 2 (other
        pathology) is background.

    Raises:
        InputError: if the file cannot be used (`read_nifti`) or holds values that are neither.
    """
    volume = read_nifti(path)
    labels = _as_labels(volume.data)
    if labels is not None:
        return replace(volume, data=labels == 1)
    if volume.data.min() < 0 or volume.data.max() > 1:
        raise InputError(
            f"{path} is neither a mask nor a probability map: it holds "
            f"{_some_values(volume.data)}; expected are the labels 0, 1, 2 or values in [0, 1]."
        )
    return replace(volume, data=volume.data >= 0.5)


def _as_labels(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    if values.dtype.kind in "bui":
        return values.astype(np.uint8) if values.min() >= 0 and values.max() <= 2 else None
    nearest = np.rint(values)
    if (np.abs(values - nearest) > _LABEL_TOLERANCE).any():
        return None
    return _as_labels(nearest.astype(np.int64))


def _some_values(values: npt.NDArray[Any]) -> str:
    found = [f"{v:g}" for v in np.unique(values)]
    return ", ".join(found if len(found) <= 6 else [*found[:3], "...", *found[-2:]])


def _sizes(sizes: Any) -> str:
    return " x ".join(f"{s:.4g}" for s in sizes)
