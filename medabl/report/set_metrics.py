"""The metrics of a run on pictures or videos, read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medabl.errors import InputError
from medabl.runs import RunFolder

_COLUMNS = ["metric", "class", "value"]


def load_pooled(folder: RunFolder) -> dict[str, pd.DataFrame]:
    """What a run has of such metrics: ``last``, ``best`` and ``start`` -> `read_pooled`.

    Raises:
        InputError: if a file of them cannot be read.
    """
    files = {
        "last": folder.natural_metrics,
        "best": folder.natural_metrics_best,
        "start": folder.start_metrics,
    }
    return {epoch: read_pooled(path) for epoch, path in files.items() if path.is_file()}


def read_pooled(path: Path) -> pd.DataFrame:
    """The columns ``metric``, ``class`` (``all`` for means over the classes) and ``value``.

    Raises:
        InputError: if there is no such file, or it has other columns.
    """
    try:
        table = pd.read_csv(path, dtype={"metric": str, "class": str, "value": float})
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a run's metrics ({error}).") from error
    if not set(_COLUMNS) <= set(table):
        raise InputError(f"{path} must have the columns {', '.join(_COLUMNS)}.")
    return table[_COLUMNS]
