"""An evaluation as CSV files, and back."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from medabl.errors import InputError
from medabl.evaluation.columns import SKIPPED_COLUMNS
from medabl.evaluation.evaluate import Evaluation
from medabl.evaluation.summary import summary_table
from medabl.files import atomic_path

_TEXT = ("subject", "site", "prediction", "reference", "image")


def write_evaluation(evaluation: Evaluation, csv_path: str | os.PathLike[str]) -> None:
    """Write ``X.csv`` (subjects), ``X_lesions.csv`` and ``X_summary.csv`` (by site).

    What was skipped is listed at the end of ``X.csv``, without metrics and with the reason in a
    column `skipped` that is there only then. NaN are empty cells.

    Args:
        evaluation: what `evaluate_cases` returned.
        csv_path: ``X.csv``.

    Raises:
        InputError: if the files cannot be written; `check_output` tells before.
    """
    check_output(csv_path)
    path = Path(csv_path)
    subjects = evaluation.subjects
    if len(evaluation.skipped):
        left_out = evaluation.skipped.rename(columns={"file": "prediction", "reason": "skipped"})
        subjects = pd.concat([subjects, left_out], ignore_index=True)
    tables = (subjects, evaluation.lesions, summary_table(evaluation.subjects))
    for target, table in zip(_paths(path), tables, strict=True):
        try:
            with atomic_path(target) as temporary:
                table.to_csv(temporary, index=False)
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}.") from error


def read_evaluation(csv_path: str | os.PathLike[str]) -> Evaluation:
    """Read back what `write_evaluation` wrote.

    Raises:
        InputError: if ``X.csv`` is missing or is no such table. Without ``X_lesions.csv`` the
            lesions are an empty table.
    """
    path = Path(csv_path)
    subjects = _read(path)
    if "subject" not in subjects:
        raise InputError(f"{path} is no evaluation: it has no column 'subject'.")
    skipped = pd.DataFrame(columns=list(SKIPPED_COLUMNS))
    if "skipped" in subjects:
        left_out = subjects["skipped"] != ""
        skipped = subjects.loc[left_out, ["subject", "prediction", "skipped"]]
        skipped = skipped.set_axis(list(SKIPPED_COLUMNS), axis="columns").reset_index(drop=True)
        subjects = subjects.loc[~left_out].drop(columns="skipped")
    lesions_path = path.with_name(path.stem + "_lesions.csv")
    lesions = _read(lesions_path) if lesions_path.is_file() else pd.DataFrame()
    return Evaluation(subjects, lesions, skipped)


def _paths(csv_path: Path) -> list[Path]:
    return [csv_path.with_name(f"{csv_path.stem}{table}.csv") for table in _TABLES]


def _read(path: Path) -> pd.DataFrame:
    try:
        # Only numbers may be missing: a subject called "NA" is a subject.
        numbers = pd.read_csv(path, nrows=0).columns.difference([*_TEXT])
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXT, str),
            keep_default_na=False,
            na_values={name: ["", "nan", "NaN", "NA"] for name in numbers},
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a CSV table ({error}).") from error
