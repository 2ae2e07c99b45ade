"""Masks: what their values mean, checked and rounded in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medabl.data.nifti import Volume, read_nifti
from medabl.errors import InputError
from medabl.task import WMH, Task

# What is left of a label after scaling by a header (255 steps for 0 to 1) or resampling.
_ROUNDING = 0.01


def read_labels(path: Path, task: Task = WMH) -> Volume:
    """Read a mask of the task's labels, stored as any type of number.

    Returns:
        the volume with the labels as uint8.

    Raises:
        InputError: as `read_nifti`, or if there are other values.
    """
    volume = read_nifti(path)
    labels = _as_labels(volume.data, task)
    if labels is None:
        raise InputError(
            f"{path} holds {_some_values(volume.data)} where a mask holds only the labels"
            f" {task.describe_labels()}."
        )
    return replace(volume, data=labels)


def read_prediction(
    path: Path, task: Task = WMH, place: Callable[[Volume], Volume] | None = None
) -> Volume:
    """Read a prediction: the task's labels or, where one class is evaluated, its probabilities.

    Args:
        path: the file.
        task: what its values stand for.
        place: brings it onto another grid; called on class indices (uint8), or on probabilities
            (floats) before they are cut, since a mask has no edges finer than its voxels.

    Returns:
        the volume with the index of each voxel's class as uint8; labels of no class are
        background, and so are probabilities below 0.5.

    Raises:
        InputError: as `read_nifti`, or if the values are neither.
    """
    volume = read_nifti(path)
    labels = _as_labels(volume.data, task)
    if labels is not None:
        classes = replace(volume, data=task.to_classes(labels))
        return place(classes) if place is not None else classes
    if len(task.evaluated) > 1:
        raise InputError(
            f"{path} holds {_some_values(volume.data)} where a prediction holds only the labels"
            f" {task.describe_labels()}."
        )
    if volume.data.min() < -_ROUNDING or volume.data.max() > 1 + _ROUNDING:
        raise InputError(
            f"{path} is neither a mask nor a probability map: it holds"
            f" {_some_values(volume.data)}; expected are the labels {task.describe_labels()} or"
            " values in [0, 1]."
        )
    if place is not None:
        volume = place(volume)
    channel_of = np.array([0, task.evaluated_channels[0]], np.uint8)
    return replace(volume, data=channel_of[np.asfortranarray(volume.data >= 0.5, np.uint8)])


def _as_labels(values: npt.NDArray[Any], task: Task) -> npt.NDArray[np.uint8] | None:
    nearest = values
    if values.dtype.kind == "f":
        nearest = np.rint(values)
        if (np.abs(values - nearest) > _ROUNDING).any():
            return None
    if nearest.min() < 0 or nearest.max() > 255:
        return None
    labels = np.asfortranarray(nearest, np.uint8)
    known = np.zeros(256, bool)
    known[list(task.labels)] = True
    return labels if known[labels].all() else None


def _some_values(values: npt.NDArray[Any]) -> str:
    found = [f"{v:g}" for v in np.unique(values)]
    return ", ".join(found if len(found) <= 6 else [*found[:3], "...", *found[-2:]])
