"""An evaluation as CSV files, and back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pandas as pd

from medabl.errors import InputError
from medabl.evaluation.columns import SKIPPED_COLUMNS
from medabl.evaluation.evaluate import Evaluation
from medabl.evaluation.summary import summary_table
from medabl.files import atomic_path

_TABLES = ("", "_lesions", "_summary")
_TEXT = ("subject", "site", "prediction", "reference", "image", "skipped")
_NO_NUMBER = ["", "NA", "NaN", "nan"]


def check_output(csv_path: str | os.PathLike[str]) -> None:
    """Check that `write_evaluation` will be able to write, before the work is done.

    Raises:
        InputError: if the name does not end in .csv, or the file or its folder, made when
            missing, cannot be written.
    """
    path = Path(csv_path)
    if path.suffix != ".csv":
        raise InputError(f"{path} must end in .csv.")
    for table in _paths(path):
        if table.is_dir():
            raise InputError(f"{table} is a folder; give the name of a file.")
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written: {existing}: {error.strerror}.") from error


def write_evaluation(evaluation: Evaluation, csv_path: str | os.PathLike[str]) -> list[Path]:
    """Write ``X.csv`` (subjects), ``X_lesions.csv`` and ``X_summary.csv`` (by site).

    What was skipped is listed at the end of ``X.csv``, without metrics and with the reason in a
    column `skipped` that is there only then. NaN are empty cells.

    Args:
        evaluation: what `evaluate_cases` returned.
        csv_path: ``X.csv``.

    Returns:
        the files written.

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
    return _paths(path)


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
    lesions_path = _paths(path)[1]
    lesions = _read(lesions_path) if lesions_path.is_file() else pd.DataFrame()
    return Evaluation(subjects, lesions, skipped)


def _paths(csv_path: Path) -> list[Path]:
    return [csv_path.with_name(f"{csv_path.stem}{table}.csv") for table in _TABLES]


def _read(path: Path) -> pd.DataFrame:
    try:
        numbers = [name for name in pd.read_csv(path, nrows=0).columns if name not in _TEXT]
        # A subject may be called NA: only where numbers stand does that mean a missing one.
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXT, str),
            keep_default_na=False,
            na_values=dict.fromkeys(numbers, _NO_NUMBER),
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a CSV table ({error}).") from error
