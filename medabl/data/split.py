"""Dividing subjects into those that train and those that judge."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import read_json


class Split(TypedDict):
    """Subject ids of both sides."""

    train: list[str]
    val: list[str]


def split_subjects(
    subjects: Sequence[Subject],
    validation: float = 10,
    folds: int | None = None,
    fold: int = 0,
    seed: int = 0,
    path: str | Path | None = None,
) -> Split:
    """Split subjects, stratified by site.

    Subjects are shuffled within their sites, sites laid one after another, and the validation
    subjects taken at even steps along that row, so that each site gives its share to within one.

    Args:
        subjects: all subjects.
        validation: number of validation subjects of a single split, or, below 1, their share.
        folds: number of folds of a cross-validation; replaces `validation`.
        fold: which of the folds validates.
        seed: seed of the shuffling.
        path: a JSON file ``{"train": [ids], "val": [ids]}`` to use instead of all that.

    Returns:
        the ids of both sides, in the order of `subjects`.

    Raises:
        InputError: if there are too few subjects, or the JSON names one that is not there.
    """
    if path is not None:
        return _read_split(Path(path), subjects)
    row = _stratified_row(subjects, seed)
    if folds is not None:
        if not 2 <= folds <= len(row) or not 0 <= fold < folds:
            raise InputError(
                f"folds={folds}, fold={fold} does not divide {len(row)} subjects: folds must be"
                f" from 2 to {len(row)} and fold below folds."
            )
        chosen = set(row[fold::folds])
    else:
        count = validation_count(validation, len(row))
        if not 1 <= count < len(row):
            raise InputError(
                f"A split with {count} validation subjects needs more than that many in all,"
                f" and there are {len(row)}; set validation=N or folds=K."
            )
        chosen = {row[int((i + 0.5) * len(row) / count)] for i in range(count)}
    ids = [subject.id for subject in subjects]
    return Split(train=[i for i in ids if i not in chosen], val=[i for i in ids if i in chosen])


def validation_count(validation: float, subjects: int) -> int:
    """How many of so many subjects a number or share of validation subjects means."""
    return int(validation) if validation >= 1 else round(validation * subjects)


def _stratified_row(subjects: Sequence[Subject], seed: int) -> list[str]:
    shuffled = random.Random(seed).sample(list(subjects), len(subjects))
    return [subject.id for subject in sorted(shuffled, key=lambda subject: subject.site)]


def _read_split(path: Path, subjects: Sequence[Subject]) -> Split:
    try:
        split = read_json(path)
        train, val = list(split["train"]), list(split["val"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{path} must be a JSON file {{"train": [ids], "val": [ids]}}; {error!r}.'
        ) from error
    known = {subject.id for subject in subjects}
    unknown = [i for i in train + val if i not in known]
    if unknown:
        raise InputError(
            f"{path} names {unknown[0]!r}, which is none of the {len(known)} subjects."
        )
    if not train or not val or set(train) & set(val):
        raise InputError(f"{path}: 'train' and 'val' must be lists of ids without a common one.")
    return Split(train=train, val=val)
