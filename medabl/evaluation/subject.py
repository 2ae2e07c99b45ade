"""All numbers of one subject."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from medabl.data.labels import read_labels, read_prediction
from medabl.data.nifti import Volume, check_same_grid
from medabl.errors import InputError
from medabl.evaluation.case import Case
from medabl.evaluation.resample import resample_to
from medabl.metrics import lesion_table, slice_metrics, volume_metrics, wmh_challenge_metrics

Protocol = Literal["all", "challenge", "surface", "slices"]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)

SURFACE_COLUMNS = (
    "dsc",
    "hd_mm",
    "hd95_mm",
    "assd_mm",
    "surface_dice_1mm",
    "surface_dice_3mm",
)
CHALLENGE_COLUMNS = (
    "challenge_dsc",
    "challenge_h95_mm",
    "challenge_avd_percent",
    "challenge_recall",
    "challenge_f1",
)
SLICE_COLUMNS = ("slice_dsc", "slice_hd_rows")
VOLUME_COLUMNS = ("reference_ml", "prediction_ml")


def metric_columns(protocol: Protocol) -> list[str]:
    """The metric columns of a protocol, in the order of the table."""
    columns: list[str] = []
    if protocol in ("all", "surface"):
        columns += SURFACE_COLUMNS
    if protocol in ("all", "challenge"):
        columns += CHALLENGE_COLUMNS
    if protocol in ("all", "slices"):
        columns += SLICE_COLUMNS
    return columns + list(VOLUME_COLUMNS)


def evaluate_case(
    case: Case, protocol: Protocol, resample: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read one case and compute its metrics.

    Args:
        case: the files.
        protocol: which metrics.
        resample: whether a prediction on another grid is brought onto the reference's.

    Returns:
        the subject's row, and a row for each lesion of the reference (challenge protocol only).

    Raises:
        InputError: if a file cannot be used or the grids differ and `resample` is off.
    """
    reference = read_labels(case.reference)
    prediction = _on_grid_of(reference, read_prediction(case.prediction), resample)
    pred, ref, spacing = prediction.data, reference.data, reference.spacing
    # A mask of label 1 once: what the surface and slice metrics see of the reference.
    lesion = ref == 1
    ml = reference.voxel_mm3 / 1000
    row: dict[str, Any] = {
        "subject": case.subject,
        "site": case.site,
        "prediction": str(case.prediction),
        "reference": str(case.reference),
        "image": str(case.image) if case.image else "",
    }
    lesions: list[dict[str, Any]] = []
    if protocol in ("all", "surface"):
        surface = volume_metrics(pred, lesion, spacing)
        row |= {name: surface[name.removesuffix("_mm")] for name in SURFACE_COLUMNS}
    if protocol in ("all", "challenge"):
        challenge = wmh_challenge_metrics(pred, ref, spacing)
        row |= dict(zip(CHALLENGE_COLUMNS, challenge.values(), strict=True))
        lesions = [
            {"subject": case.subject, "site": case.site, **lesion_row}
            for lesion_row in lesion_table(pred, ref, spacing)
        ]
    if protocol in ("all", "slices"):
        slices = slice_metrics(np.moveaxis(pred, 2, 0), np.moveaxis(lesion, 2, 0))
        row |= dict(zip(SLICE_COLUMNS, (float(v.mean()) for v in slices.values()), strict=True))
    row["reference_ml"] = int(lesion.sum()) * ml
    row["prediction_ml"] = int(pred.sum()) * ml
    return row, lesions


def _on_grid_of(reference: Volume, prediction: Volume, resample: bool) -> Volume:
    try:
        check_same_grid(prediction, reference)
    except InputError:
        if not resample:
            raise
        return resample_to(prediction, reference)
    return prediction
