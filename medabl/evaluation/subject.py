"""All numbers of one subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from medabl.data.axes import SliceAxis, axes_with_slices_last
from medabl.data.labels import read_labels, read_prediction
from medabl.data.nifti import Volume, check_same_grid
from medabl.errors import InputError
from medabl.evaluation.case import Case
from medabl.evaluation.columns import (
    CHALLENGE_COLUMNS,
    SLICE_COLUMNS,
    SURFACE_COLUMNS,
    VOLUME_COLUMNS,
    Protocol,
    families,
    with_classes,
)
from medabl.evaluation.resample import resample_to
from medabl.metrics import lesion_table, slice_metrics, volume_metrics, wmh_challenge_metrics
from medabl.task import WMH, Task

# What a mask of one class looks like to the challenge's metrics.
_LESION, _CUT_OUT = np.uint8(1), np.uint8(2)


def evaluate_case(
    case: Case,
    protocol: Protocol = "all",
    resample: bool = False,
    task: Task = WMH,
    slice_axis: SliceAxis = "axial",
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read one case and compute its metrics.

    Args:
        case: the files.
        protocol: which metrics.
        resample: whether a prediction on another grid is brought onto the reference's.
        task: what the values in the files stand for, and which classes are evaluated.
        slice_axis: what the slices of the slice-wise and the in-plane metrics are taken along.

    Returns:
        the subject's row, with the columns of `metric_columns`, and a row for each lesion of the
        reference (challenge protocol only).

    Raises:
        InputError: if a file cannot be used or the grids differ and `resample` is off.
    """
    reference = read_labels(case.reference, task)
    prediction = read_prediction(
        case.prediction, task, lambda volume: _on_grid_of(reference, volume, resample)
    )
    axes = axes_with_slices_last(slice_axis)
    pred, labels = (volume.data.transpose(axes) for volume in (prediction, reference))
    spacing = tuple(reference.spacing[axis] for axis in axes)
    ref = task.to_classes(labels)
    shown = families(protocol, task)
    row: dict[str, Any] = {
        "subject": case.subject,
        "site": case.site,
        "prediction": str(case.prediction),
        "reference": str(case.reference),
        "image": str(case.image) if case.image else "",
    }
    of_class = [
        _class_metrics(pred == channel, ref == channel, spacing, reference.voxel_mm3, shown)
        for channel in task.evaluated_channels
    ]
    for name in of_class[0]:
        values = [metrics[name] for metrics in of_class]
        row |= dict(zip(with_classes(name, task), [_mean(values), *values], strict=False))
    if CHALLENGE_COLUMNS not in shown:
        return row, []
    (channel,) = task.evaluated_channels
    masks = (
        (pred == channel).astype(np.uint8) * _LESION,
        np.where(_of_no_class(task)[labels], _CUT_OUT, (ref == channel) * _LESION),
    )
    challenge = wmh_challenge_metrics(*masks, spacing)
    row |= dict(zip(CHALLENGE_COLUMNS, challenge.values(), strict=True))
    lesions = lesion_table(*masks, spacing)
    return row, [{"subject": case.subject, "site": case.site, **lesion} for lesion in lesions]


def _class_metrics(
    pred: npt.NDArray[np.bool_],
    ref: npt.NDArray[np.bool_],
    spacing: tuple[float, ...],
    voxel_mm3: float,
    shown: tuple[tuple[str, ...], ...],
) -> dict[str, float]:
    """One class by all metrics that are defined for any task."""
    metrics: dict[str, float] = {}
    if SURFACE_COLUMNS in shown:
        surface = volume_metrics(pred, ref, spacing)
        metrics |= {name: surface[name.removesuffix("_mm")] for name in SURFACE_COLUMNS}
    if SLICE_COLUMNS in shown:
        slices = slice_metrics(np.moveaxis(pred, 2, 0), np.moveaxis(ref, 2, 0))
        means = (float(values.mean()) for values in slices.values())
        metrics |= dict(zip(SLICE_COLUMNS, means, strict=True))
    volumes = (int(mask.sum()) * voxel_mm3 / 1000 for mask in (ref, pred))
    return metrics | dict(zip(VOLUME_COLUMNS, volumes, strict=True))


def _of_no_class(task: Task) -> npt.NDArray[np.bool_]:
    """For each value of a label file whether it is valid but the label of no class."""
    table = np.zeros(256, bool)
    table[[value for value, name in task.labels.items() if name not in task.classes]] = True
    return table


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else np.nan


def _on_grid_of(reference: Volume, prediction: Volume, resample: bool) -> Volume:
    try:
        check_same_grid(prediction, reference)
    except InputError:
        if not resample:
            raise
        return resample_to(prediction, reference)
    return prediction
