"""Which scans are of one patient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from medabl.data.subject import Subject
from medabl.errors import InputError

GroupBy = str | int

# Names of a time point, as a folder or after a patient's name: P14_T2, P14/ses-1, P14_baseline.
_TIME_POINT = (
    r"(?:ses(?:s|sion)?(?:[-_][a-z0-9]+|\d+)|tp?[-_]?\d{1,2}|time(?:point)?[-_]?\d{1,3}"
    r"|visit[-_]?\d{1,3}|(?:baseline|bl|follow[-_]?up|fu)[-_]?\d{0,3})"
)
# These could number the patients of a cohort as well, so the rest must hold a number: P14_scan2.
_REPEAT = r"(?:scan|run|rep(?:eat)?|[vmwyd]|month|week|year|day)[-_]?\d{1,3}"
_AFTER_A_NAME = re.compile(
    rf"(?P<patient>.+?)[-_.](?:{_TIME_POINT})|(?P<numbered>.*\d.*?)[-_.](?:{_REPEAT})",
    re.IGNORECASE,
)
_FOLDER = re.compile(_TIME_POINT, re.IGNORECASE)


def groups_of(subjects: Sequence[Subject], group_by: GroupBy = "auto") -> dict[str, list[str]]:
    """The scans of each patient.

    Args:
        subjects: all subjects.
        group_by: how a patient is told:

            - ``auto``: by what the data set says (`Subject.group`: BIDS, the column ``group`` of
              a table), else by the id without a time point (``P14_T1``, ``P14/ses-2``,
              ``P14_baseline``, ``P14_run-2``);
            - ``none``: every scan is its own patient;
            - a whole number N: the first N parts of the id (1: ``Utrecht`` of ``Utrecht/0``);
            - a regular expression, searched for in the id: its first group or, without groups,
              what it matches.

    Returns:
        patient -> ids, both in the order of `subjects`.

    Raises:
        InputError: if `group_by` is none of these, or finds no patient in an id.
    """
    groups: dict[str, list[str]] = {}
    for subject in subjects:
        groups.setdefault(_patient_of(subject, str(group_by).strip()), []).append(subject.id)
    return groups


def describe_groups(groups: Mapping[str, Sequence[str]], group_by: GroupBy = "auto") -> str:
    """One sentence about the patients with more than one scan, empty if there are none.

    Args:
        groups: as `groups_of` returns them, or the ``groups`` of a split.
        group_by: how they were found.
    """
    several = {patient: ids for patient, ids in groups.items() if len(ids) > 1}
    if not several:
        return ""
    shown = "; ".join(f"{name}: {', '.join(ids[:4])}" for name, ids in list(several.items())[:3])
    dots = "; ..." if len(several) > 3 else ""
    patients = "1 patient has" if len(several) == 1 else f"{len(several)} patients have"
    return (
        f"{patients} more than one scan, kept on one side of every split ({shown}{dots};"
        f" group_by={group_by}, or none if these are different patients)."
    )


def _patient_of(subject: Subject, group_by: str) -> str:
    if group_by == "none":
        return subject.id
    if group_by == "auto":
        return subject.group or _without_time_point(subject.id)
    if group_by.isdigit():
        if int(group_by) < 1:
            raise InputError(f"group_by={group_by} must be 1 or more parts of the id.")
        return "/".join(subject.id.split("/")[: int(group_by)])
    try:
        match = re.search(group_by, subject.id)
    except re.error as error:
        raise InputError(
            f"group_by={group_by} is not auto, none, a number of parts of the id, nor a regular"
            f" expression ({error})."
        ) from error
    patient = match and match[1 if match.re.groups else 0]
    if not patient:
        raise InputError(
            f"group_by={group_by} finds no patient in the id {subject.id}; use auto, none, a number"
            " of parts of the id, or a regular expression that fits every id."
        )
    return patient


def _without_time_point(name: str) -> str:
    *folders, last = name.split("/")
    while match := _AFTER_A_NAME.fullmatch(last):
        last = match["patient"] or match["numbered"]
    kept = [part for part in (*folders, last) if not _FOLDER.fullmatch(part)]
    return "/".join(kept) if kept else name
