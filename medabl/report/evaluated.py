"""One evaluation CSV, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from medabl.errors import InputError
from medabl.evaluation import read_evaluation
from medabl.report.columns import class_metrics, known_metrics

_LESION_COLUMNS = ("subject", "volume_mm3", "detected")


@dataclass(frozen=True)
class Evaluated:
    """One checkpoint of one run, evaluated: the frames of one evaluation CSV and its companions."""

    path: Path
    subjects: pd.DataFrame
    lesions: pd.DataFrame
    skipped: pd.DataFrame


def load_evaluation(path: Path) -> Evaluated:
    """Read an evaluation and check that it can be reported on.

    Raises:
        InputError: it cannot be read, or lacks subjects, metrics, numbers or values.
    """
    evaluation = read_evaluation(path)
    subjects = evaluation.subjects
    metrics = known_metrics(map(str, subjects.columns))
    if not metrics:
        raise InputError(f"{path} has no column with a metric that medabl knows, such as dsc.")
    for metric in (*metrics, *class_metrics(map(str, subjects.columns))):
        values = pd.to_numeric(subjects[metric.column], errors="coerce")
        unreadable = values.isna() & subjects[metric.column].notna()
        if unreadable.any():
            wrong = subjects.loc[unreadable, metric.column].iloc[0]
            raise InputError(f"{path}: column {metric.column} holds {wrong!r}, which is no number.")
        subjects[metric.column] = values
    repeated = subjects.loc[subjects["subject"].duplicated(), "subject"]
    if not repeated.empty:
        raise InputError(f"{path} lists subject {repeated.iloc[0]} twice.")
    if subjects.empty:
        raise InputError(f"{path} lists no subject.")
    if subjects[[metric.column for metric in metrics]].isna().all(axis=None):
        raise InputError(f"{path} has no value in any metric.")
    lesions = evaluation.lesions
    lacking = [column for column in _LESION_COLUMNS if column not in lesions]
    if len(lesions.columns) and lacking:
        raise InputError(
            f"{path.with_name(f'{path.stem}_lesions.csv')} lacks the column {', '.join(lacking)}."
        )
    return Evaluated(path, subjects, lesions, evaluation.skipped)
