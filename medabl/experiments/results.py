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
from medabl.experiments.state import read_progress
from medabl.files import atomic_path
from medabl.runs import WHICH, RunFolder
from medabl.task import Task

_ALWAYS = ("method", "seed", "fold")
_NO_METRICS = {"subject", "site", "prediction", "reference", "image"}


def gather_results(root: str | Path) -> pd.DataFrame:
    """A row a run, sorted by name.

    Columns: ``run`` (path below `root`), ``state``, ``flag`` (``collapsed``, or empty), ``epoch``
    (the last whole one) and ``epochs``; the settings that differ between the runs, ``method``,
    ``seed`` and ``fold`` always; ``best_<metric>`` and ``last_<metric>``, the mean over the
    evaluated subjects (NaN left out) at either epoch; ``seconds`` of training; ``error``.

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
    rows = [
        {
            "run": folder.path.relative_to(root).as_posix(),
            **_standing(folder, config),
            **{key: config.get(key) for key in varying},
            **_metrics(folder),
            "error": _standing(folder, config)["error"],
        }
        for folder, config in zip(folders, configs, strict=True)
    ]
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
            mixed = {name: str for name in table if table[name].dtype == object}
            table.astype(mixed).to_parquet(temporary, index=False)


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
                f"{path} needs pyarrow: pip install medabl[parquet], or write a .csv."
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
    return [*_ALWAYS, *(key for key in differ if key not in (*_ALWAYS, *MAY_CHANGE))]


def _standing(folder: RunFolder, config: Mapping[str, Any]) -> dict[str, Any]:
    info = folder.read_info() if folder.info.is_file() else {}
    task = Task.model_validate(info["task"]) if "task" in info else None
    key = task.key_metric if task else str(config.get("task::key_metric", "val_slice_dsc"))
    progress = read_progress(
        folder, int(config.get("epochs", 0)), key, task is None or task.higher_is_better
    )
    seconds = pd.read_csv(folder.timing)["seconds"].sum() if folder.timing.is_file() else None
    return {
        "state": progress.state,
        "flag": "collapsed" if progress.collapsed else "",
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "seconds": seconds,
        "error": progress.error,
    }


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
    return means
