"""The columns of an evaluation's table."""

from __future__ import annotations

from typing import Literal, get_args

from medabl.errors import InputError
from medabl.task import WMH, Task

Protocol = Literal["all", "challenge", "surface", "slices"]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)

CASE_COLUMNS = ("subject", "site", "prediction", "reference", "image")
LESION_COLUMNS = ("subject", "site", "volume_mm3", "detected")
SKIPPED_COLUMNS = ("subject", "file", "reason")

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


def families(protocol: Protocol, task: Task = WMH) -> tuple[tuple[str, ...], ...]:
    """The families of columns that a protocol has, in the order of the table.

    Raises:
        InputError: if there is no such protocol, or it is the challenge's, which evaluates one
            class, and the task has several.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}.")
    challenge: tuple[tuple[str, ...], ...] = (CHALLENGE_COLUMNS,)
    if len(task.evaluated) > 1:
        if protocol == "challenge":
            raise InputError(
                f"the challenge's metrics are for one class, but the task {task.name!r} evaluates"
                f" {', '.join(task.evaluated)}; use protocol surface, slices or all."
            )
        challenge = ()
    found = {
        "all": (SURFACE_COLUMNS, *challenge, SLICE_COLUMNS),
        "surface": (SURFACE_COLUMNS,),
        "challenge": challenge,
        "slices": (SLICE_COLUMNS,),
    }
    return (*found[protocol], VOLUME_COLUMNS)


def metric_columns(protocol: Protocol, task: Task = WMH) -> list[str]:
    """The metric columns of a protocol, in the order of the table.

    Where several classes are evaluated, each name stands for their mean, undefined values left out,
    and is followed by a column a class: ``dsc``, ``dsc_grey``, ``dsc_white``.
    """
    names = (name for family in families(protocol, task) for name in family)
    return [column for name in names for column in with_classes(name, task)]


def with_classes(name: str, task: Task) -> list[str]:
    """A metric's name and, where several classes are evaluated, its names with each of them."""
    return [
        name,
        *(f"{name}_{evaluated}" for evaluated in task.evaluated if len(task.evaluated) > 1),
    ]
