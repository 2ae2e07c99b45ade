"""Drawing whole patients from a cohort, evenly over its sites."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from medabl.data.groups import GroupBy
from medabl.data.subject import Subject
from medabl.errors import InputError


class Patient(NamedTuple):
    """The scans of one patient, and the site of the first of them."""

    site: str
    ids: list[str]


def stratified_row(
    subjects: Sequence[Subject], groups: Mapping[str, Sequence[str]], seed: int
) -> list[Patient]:
    """The patients of `subjects`, shuffled within their sites, sites one after another."""
    site_of = {subject.id: subject.site for subject in subjects}
    patients = []
    for scans in groups.values():
        ids = [i for i in scans if i in site_of]
        if ids:
            patients.append(Patient(site_of[ids[0]], ids))
    shuffled = random.Random(seed).sample(patients, len(patients))
    return sorted(shuffled, key=lambda patient: patient.site)


def take_patients(row: Sequence[Patient], count: int, side: str, group_by: GroupBy) -> set[str]:
    """The scans of whole patients at even steps along a row, about `count` in all.

    Exactly `count` where every patient has one scan, else to within half the scans of the patient
    with most, or one patient if that leaves none.

    Args:
        row: the patients.
        count: how many scans.
        side: ``validation`` or ``test``, for an error.
        group_by: how patients were told, for an error.

    Raises:
        InputError: if the row is too short for two sides.
    """
    total = _divisible(row, group_by)
    if not 1 <= count < total:
        otherwise = " or folds=K" if side == "validation" else ""
        raise InputError(
            f"Of {total} subjects, {count} {side} subjects cannot be set apart: there must be one"
            f" at least, and one must be left; set {side}=N{otherwise}."
        )
    taken: list[Patient] = []
    passed = scans = 0
    for patient in row:
        size = len(patient.ids)
        passed += size
        # Whichever brings the number taken nearer to its share of those passed.
        if (2 * scans + size) * total < 2 * count * passed:
            taken.append(patient)
            scans += size
    smallest = min(row, key=lambda patient: len(patient.ids))
    if not taken:
        taken = [smallest]
    elif len(taken) == len(row):
        taken.remove(smallest)
    return {i for patient in taken for i in patient.ids}


def take_fold(row: Sequence[Patient], folds: int, fold: int, group_by: GroupBy) -> set[str]:
    """The scans of one fold: each patient of a row goes to the fold with the fewest so far.

    Raises:
        InputError: if there are fewer patients than folds, or no such fold.
    """
    scans = _divisible(row, group_by)
    if not 2 <= folds <= len(row) or not 0 <= fold < folds:
        patients = "" if scans == len(row) else f" of {len(row)} patients (group_by={group_by})"
        raise InputError(
            f"folds={folds}, fold={fold} does not divide {scans} subjects{patients}: folds must be"
            f" from 2 to {len(row)} and fold below folds."
        )
    sides: list[list[str]] = [[] for _ in range(folds)]
    for patient in row:
        min(sides, key=len).extend(patient.ids)
    return set(sides[fold])


def _divisible(row: Sequence[Patient], group_by: GroupBy) -> int:
    """The number of scans of a row, which must be of two patients at least."""
    total = sum(len(patient.ids) for patient in row)
    if total < 2:
        raise InputError(
            f"{'One subject' if total else 'No subject'} is left to train and validate with, and"
            " two are needed at least: name the folder that holds all of yours, or keep fewer for"
            " a test."
        )
    if len(row) < 2:
        raise InputError(
            f"All {total} subjects are scans of one patient by group_by={group_by} and cannot be"
            " divided; if they are not, set group_by=none."
        )
    return total
