"""All runs below a folder as one tidy table, finished or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from medabl.engine import MAY_CHANGE
from medabl.errors import InputError
from medabl.evaluation import read_evaluation
from medabl.experiments.state import Progress, read_progress
from medabl.files import atomic_path
from medabl.runs import WHICH, RunFolder
from medabl.task import Task

_ALWAYS = ("method", "seed", "fold")
_TOLD = ("epochs",)  # a column of its own
_NO_SETTING = set(MAY_CHANGE) - {"data", "split"}  # where a run computes, not what
_NO_METRICS = {"subject", "site", "prediction", "reference", "image"}


def gather_results(root: str | Path) -> pd.DataFrame:
    """A row a run, sorted by name.

    Columns: ``run`` (path below `root`), ``state``, ``flag`` (``collapsed``, ``diverged`` or
    empty), ``epoch`` (the last whole one), ``epochs`` and ``seconds`` of training; the settings
    that differ between the runs, ``method``, ``seed`` and ``fold`` always; ``best_<metric>`` and
    ``last_<metric>``, the mean over the evaluated subjects (NaN left out) at either epoch;
    ``error``.

    Args:
        root: a folder of run folders, at any depth, or a run folder.

    Raises:
        InputError: if there is no run, or one of another version of medabl.
    """
    root = Path(root)
    folders = [RunFolder(path) for path in run_paths(root)]
    if not folders:
        raise InputError(f"{root} holds no run: no run.json or planned.yaml at any depth.")
    configs = [_flat(_config(folder)) for folder in folders]
    varying = _varying(configs)
    rows = []
    for folder, config in zip(folders, configs, strict=True):
        progress = _progress(folder, config)
        row = {
            "run": folder.path.relative_to(root).as_posix(),
            **{name: getattr(progress, name) for name in ("state", "flag", "epoch", "epochs")},
            "seconds": _seconds(folder),
            **{key: config.get(key) for key in varying},
            **_metrics(folder),
            "error": progress.error,
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    return table[[*(name for name in table if name != "error"), "error"]]


def run_paths(root: Path) -> list[Path]:
    """The run folders at and below a folder, begun or planned, in order."""
    found = {path.parent for name in ("run.json", "planned.yaml") for path in root.rglob(name)}
    return sorted(found)


def write_results(table: pd.DataFrame, path: Path) -> None:
    """Write the table as ``.csv`` or ``.parquet``.

    Raises:
        InputError: if the name ends otherwise, or Parquet is asked for and pyarrow not installed.
    """
    check_results_path(path)
    with atomic_path(path) as temporary:
        if path.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            # What varies may hold numbers in one run and nothing or text in another.
            tidy = table.copy()
            for name in (name for name in tidy if tidy[name].dtype == object):
                tidy[name] = [None if value is None else str(value) for value in tidy[name]]
            tidy.to_parquet(temporary, index=False)


def check_results_path(path: Path) -> None:
    """Refuse a name that `write_results` cannot write, before any work.

    Raises:
        InputError: as `write_results`.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path} must end in .csv or .parquet.")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise InputError(
                f"{path} needs pyarrow ({error}): pip install medabl[parquet], or write a .csv."
            ) from error


def _config(folder: RunFolder) -> dict[str, Any]:
    for path in (folder.config, folder.planned):
        if path.is_file():
            return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    return {}


def _flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by their path, ``optimizer::lr``; lists in one text."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{name}::")
        else:
            flat[name] = "+".join(map(str, value)) if isinstance(value, list) else value
    return flat


def _varying(configs: list[dict[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for config in configs for key in config)
    differ = [key for key in keys if len({str(config.get(key)) for config in configs}) > 1]
    return [*_ALWAYS, *(key for key in differ if key not in (*_ALWAYS, *_TOLD, *_NO_SETTING))]


def _progress(folder: RunFolder, config: Mapping[str, Any]) -> Progress:
    info = folder.read_info() if folder.info.is_file() else {}
    task = Task.model_validate(info["task"]) if "task" in info else None
    key = task.key_metric if task else str(config.get("task::key_metric", "val_slice_dsc"))
    epochs = int(config.get("epochs", 0))
    return read_progress(folder, epochs, key, task is None or task.higher_is_better)


def _seconds(folder: RunFolder) -> float | None:
    return pd.read_csv(folder.timing)["seconds"].sum() if folder.timing.is_file() else None


def _metrics(folder: RunFolder) -> dict[str, float]:
    means: dict[str, float] = {}
    for which in WHICH:
        path = folder.evaluation(which)
        if path.is_file():
            subjects = read_evaluation(path).subjects
            numbers = subjects.drop(columns=list(_NO_METRICS & set(subjects))).select_dtypes(
                "number"
            )
            means |= {f"{which}_{name}": float(value) for name, value in numbers.mean().items()}
    for which, path in (("best", folder.natural_metrics_best), ("last", folder.natural_metrics)):
        if path.is_file():
            table = pd.read_csv(path).query("`class` == 'all'")
            pairs = zip(table["metric"], table["value"], strict=True)
            means |= {f"{which}_{name}": float(value) for name, value in pairs}
    return means
