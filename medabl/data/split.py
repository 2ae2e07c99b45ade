"""Dividing subjects into those that train, those that validate and those that test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict

from medabl.data.draw import stratified_row, take_fold, take_patients
from medabl.data.groups import GroupBy, groups_of
from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import read_json

Validation: TypeAlias = float | Literal["official"]
"""How many subjects validate, below 1 their share; ``official``: as the data set says."""


class Split(TypedDict):
    """Subject ids of all sides, and which scans had to stay together.

    Attributes:
        train, val, test: ids; `test` may be empty.
        group_by: how patients were told (`medabl.data.groups`).
        groups: patient -> ids, of those with more than one scan.
    """

    train: list[str]
    val: list[str]
    test: list[str]
    group_by: str
    groups: dict[str, list[str]]


def split_subjects(
    subjects: Sequence[Subject],
    validation: Validation = 10,
    test: float | Sequence[str] | None = None,
    folds: int | None = None,
    fold: int = 0,
    seed: int = 0,
    path: str | Path | None = None,
    group_by: GroupBy = "auto",
) -> Split:
    """Split subjects, stratified by site, with all scans of a patient on one side.

    Patients are shuffled within their sites and sites laid one after another; validation and test
    subjects are taken at even steps along that row, so that each site gives its share to within
    one. Where patients have several scans, counts are met to within half the scans of one patient.

    Args:
        subjects: all subjects.
        validation: number of validation subjects of a single split, or, below 1, their share;
            ``official`` takes the split that comes with the data set (Cityscapes, ADE20K).
        test: number of test subjects, their share or their ids; None or 0 for no test set. They
            are held out first, the same in every fold.
        folds: number of folds of a cross-validation; replaces `validation`.
        fold: which of the folds validates.
        seed: seed of the shuffling.
        path: a JSON file ``{"train": [ids], "val": [ids], "test": [ids]}`` (the last may be left
            out) to use instead of all that.
        group_by: which scans are of one patient: ``auto``, ``none``, a number of parts of the id,
            or a regular expression (`medabl.data.groups.groups_of`).

    Returns:
        the ids of all sides, in the order of `subjects`.

    Raises:
        InputError: if there are too few subjects, or the JSON or `test` names one that is not
            there or puts scans of one patient on two sides.
    """
    groups = groups_of(subjects, group_by)
    if path is not None:
        if test:
            raise InputError(f"test={test} has no meaning beside {path}; name the ids there.")
        return _read_split(Path(path), subjects, groups, group_by)
    if validation == "official":
        return _official_split(subjects, groups, test, folds, group_by)
    held_out = _test_ids(subjects, groups, test, seed, group_by)
    rest = [subject for subject in subjects if subject.id not in held_out]
    row = stratified_row(rest, groups, seed)
    if folds is not None:
        chosen = take_fold(row, folds, fold, group_by)
    else:
        count = validation_count(validation, len(subjects))
        chosen = take_patients(row, count, "validation", group_by)
    ids = [subject.id for subject in subjects]
    return Split(
        train=[i for i in ids if i not in chosen and i not in held_out],
        val=[i for i in ids if i in chosen],
        test=[i for i in ids if i in held_out],
        group_by=str(group_by),
        groups=_several(groups),
    )


def _official_split(
    subjects: Sequence[Subject],
    groups: Mapping[str, list[str]],
    test: float | Sequence[str] | None,
    folds: int | None,
    group_by: GroupBy,
) -> Split:
    sides = {side: [s.id for s in subjects if s.side == side] for side in ("train", "val")}
    if not sides["train"] or not sides["val"]:
        raise InputError(
            "validation=official needs a data set that is split into train and val, as Cityscapes"
            f" and ADE20K are; of these {len(subjects)} subjects {len(sides['train'])} train and"
            f" {len(sides['val'])} validate: set validation=N."
        )
    if test or folds is not None:
        raise InputError("validation=official splits in its own way: leave test and folds out.")
    _refuse_two_sides(sides, groups, "validation=official", group_by)
    return Split(
        train=sides["train"],
        val=sides["val"],
        test=[],
        group_by=str(group_by),
        groups=_several(groups),
    )


def validation_count(validation: float, subjects: int) -> int:
    """How many of so many subjects a number or share of validation subjects means."""
    return int(validation) if validation >= 1 else round(validation * subjects)


def _test_ids(
    subjects: Sequence[Subject],
    groups: Mapping[str, Sequence[str]],
    test: float | Sequence[str] | None,
    seed: int,
    group_by: GroupBy,
) -> set[str]:
    if not test:
        return set()
    if isinstance(test, (int, float)):
        count = validation_count(test, len(subjects))
        row = stratified_row(subjects, groups, seed)
        return take_patients(row, count, "test", group_by)
    _refuse_unknown(test, subjects, "test")
    rest = {subject.id for subject in subjects} - set(test)
    _refuse_two_sides({"test": test, "the rest": rest}, groups, "test", group_by)
    return set(test)


def _read_split(
    path: Path,
    subjects: Sequence[Subject],
    groups: Mapping[str, list[str]],
    group_by: GroupBy,
) -> Split:
    try:
        stored = read_json(path)
        sides = {side: list(stored[side]) for side in ("train", "val")}
        sides["test"] = list(stored.get("test") or [])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f'{path} must be a JSON file {{"train": [ids], "val": [ids]}}, with "test" if wanted;'
            f" {error!r}."
        ) from error
    listed = [i for ids in sides.values() for i in ids]
    _refuse_unknown(listed, subjects, str(path))
    if not sides["train"] or not sides["val"] or len(set(listed)) < len(listed):
        raise InputError(
            f"{path}: 'train' and 'val' must be lists of ids without a common one, and so must"
            " 'test'."
        )
    _refuse_two_sides(sides, groups, str(path), group_by)
    return Split(
        train=sides["train"],
        val=sides["val"],
        test=sides["test"],
        group_by=str(group_by),
        groups=_several(groups),
    )


def _several(groups: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {patient: scans for patient, scans in groups.items() if len(scans) > 1}


def _refuse_unknown(ids: Iterable[object], subjects: Sequence[Subject], where: str) -> None:
    known = {subject.id for subject in subjects}
    unknown = next((i for i in ids if not isinstance(i, str) or i not in known), None)
    if unknown is not None:
        raise InputError(f"{where} names {unknown!r}, which is none of the {len(known)} subjects.")


def _refuse_two_sides(
    sides: Mapping[str, Iterable[str]],
    groups: Mapping[str, Sequence[str]],
    where: str,
    group_by: GroupBy,
) -> None:
    side_of = {i: side for side, ids in sides.items() for i in ids}
    for patient, scans in groups.items():
        placed = {side_of[i]: i for i in scans if i in side_of}
        if len(placed) > 1:
            scans_there = " and ".join(f"{i} in {side}" for side, i in placed.items())
            raise InputError(
                f"{where} has scans of the patient {patient} on two sides ({scans_there}); put them"
                f" on one, or set group_by=none if they are of different patients (it is"
                f" {group_by})."
            )
