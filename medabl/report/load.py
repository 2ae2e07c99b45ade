"""The one place that knows where runs lie on disk: run folders and evaluation CSVs, read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import ValidationError

from medabl.errors import InputError
from medabl.files import read_json
from medabl.mistakes import mistakes
from medabl.report.comparable import check_comparable
from medabl.report.evaluated import load_evaluation
from medabl.report.grouping import group_by_what_varies, merge_same_folder, plain_settings
from medabl.report.runs import CHECKPOINTS, FILE, Run, Runs
from medabl.report.set_metrics import load_pooled
from medabl.report.words import shortened
from medabl.runs import RunFolder
from medabl.task import WMH, Task


@dataclass(frozen=True)
class Snapshots:
    """A slice around one structure with the predictions of every epoch.

    Attributes:
        label: of the run.
        structure: what it is.
        image: X x Y.
        reference: X x Y mask.
        probability: epochs x X x Y.
        epochs: their numbers.
    """

    label: str
    structure: str
    image: npt.NDArray[Any]
    reference: npt.NDArray[Any]
    probability: npt.NDArray[Any]
    epochs: npt.NDArray[np.int64]


def load_runs(paths: Sequence[str | os.PathLike[str]]) -> Runs:
    """Load run folders and evaluation CSVs and check that they can be compared.

    Args:
        paths: run folders, folders searched for ``run.json`` at any depth, or evaluation CSVs. A
            CSV inside a run folder is that run's checkpoint; any other one is a method named after
            the file. Runs of one method whose settings differ (in more than seed, fold, paths and
            hardware) are methods of their own, named after what varies.

    Raises:
        InputError: nothing was found, a run that was named is unfinished or no run is finished, a
            file cannot be read or lacks a column, two runs claim the same method, seed and fold,
            or tasks or subjects differ between methods.
    """
    runs = find_runs(paths)
    pooled = next((run for run in runs.runs if run.pooled), None)
    if pooled is not None:
        raise InputError(
            f"The run in {pooled.folder} is of pictures or videos, whose metrics are of the whole"
            " set and of no single subject: medabl report and medabl results show them."
        )
    check_comparable(runs)
    return runs


def find_runs(paths: Sequence[str | os.PathLike[str]]) -> Runs:
    """Load what `load_runs` loads, and runs of pictures and videos, without comparing them.

    Raises:
        InputError: as `load_runs`, but for runs that cannot be compared.
    """
    if not paths:
        raise InputError("Nothing to report on: give run folders or evaluation CSV files.")
    loaded: list[Run] = []
    unfinished: list[tuple[str, str]] = []
    for path in map(Path, paths):
        found, left_out = _load_path(path)
        loaded += found
        unfinished += left_out
    return Runs(
        tuple(group_by_what_varies(merge_same_folder(loaded))), tuple(dict.fromkeys(unfinished))
    )


def prediction_file(run: Run, checkpoint: str, subject: str, named: object) -> Path | None:
    """Find a subject's predicted mask: the file the evaluation names, or the run folder's own.

    A run folder that was moved still holds its predictions.
    """
    found = named_file(run, named)
    if found is None and run.folder is not None:
        kept = run.folder / "predictions" / checkpoint / f"{subject}.nii.gz"
        found = named_file(run, kept)
    return found


def named_file(run: Run, name: object) -> Path | None:
    """Find a file named in an evaluation CSV: as it stands, or relative to the CSV or the run."""
    if not isinstance(name, str | Path) or not str(name):
        return None
    evaluated = next(iter(run.evaluations.values()))
    places = [Path(), evaluated.path.parent] + ([run.folder] if run.folder is not None else [])
    return next((place / name for place in places if (place / name).is_file()), None)


def load_snapshots(folder: Path) -> Snapshots | None:
    """Read the pictures a run kept of one structure, epoch by epoch; None if it kept none."""
    path = folder / "snapshots.npz"
    if not path.is_file():
        return None
    description = _read_object(folder / "run.json")
    evaluated = _read_task(folder / "run.json", description).evaluated
    with np.load(path) as arrays:
        return Snapshots(
            label=str(description.get("label") or description.get("method", folder.name)),
            structure=evaluated[0] if len(evaluated) == 1 else "structure",
            image=arrays["image"],
            reference=arrays["label"],
            probability=arrays["probability"],
            epochs=arrays["epochs"].astype(int),
        )


def _load_path(path: Path) -> tuple[list[Run], list[tuple[str, str]]]:
    """Give the finished runs at a path, and names and status of the others."""
    if path.is_dir():
        return _load_folders(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: give run folders or evaluation CSV files.")
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path} is neither a folder nor a CSV file.")
    run_folder = path.parent.parent
    if path.parent.name == "evaluation" and (run_folder / "run.json").is_file():
        return [_load_run(run_folder, only=path.stem)], []
    evaluations = {FILE: load_evaluation(path)}
    return [Run(path.stem, path.stem, path.stem, 0, 0, None, evaluations)], []


def _load_folders(path: Path) -> tuple[list[Run], list[tuple[str, str]]]:
    descriptions = sorted(path.rglob("run.json"), key=lambda p: p.as_posix())
    if not descriptions:
        raise InputError(
            f"No run.json in {path} or below: give run folders, a folder that holds them, or "
            "evaluation CSV files."
        )
    status = {p.parent: str(_read_object(p).get("status")) for p in descriptions}
    finished = [folder for folder, state in status.items() if state == "done"]
    unfinished = [(folder.name, state) for folder, state in status.items() if state != "done"]
    if path in status and unfinished:
        raise InputError(
            f"The run in {path} is not finished (status {status[path]}): resume it, or leave it "
            "out."
        )
    if not finished:
        names = shortened([name for name, _ in unfinished])
        raise InputError(
            f"None of the {len(status)} runs in {path} is finished ({names}): resume them."
        )
    return [_load_run(folder) for folder in finished], unfinished


def _load_run(folder: Path, only: str | None = None) -> Run:
    description = _read_object(folder / "run.json")
    name = str(description.get("name", folder.name))
    names = CHECKPOINTS if only is None else (only,)
    files = {c: folder / "evaluation" / f"{c}.csv" for c in names}
    evaluations = {c: load_evaluation(f) for c, f in files.items() if f.is_file()}
    pooled = load_pooled(RunFolder(folder)) if only is None else {}
    if not evaluations and not pooled:
        raise InputError(
            f"The run in {folder} has no evaluation/best.csv or evaluation/last.csv: evaluate it."
        )
    task = _read_task(folder / "run.json", description)
    config = _read_config(folder / "config.yaml")
    epochs, environment = folder / "epochs.csv", folder / "environment.json"
    method = str(description.get("method", name))
    return Run(
        name=name,
        method=method,
        label=str(description.get("label") or method),
        seed=int(description.get("seed") or 0),
        fold=int(description.get("fold") or 0),
        folder=folder,
        evaluations=evaluations,
        pooled=pooled,
        epochs=_read_epochs(epochs, task) if epochs.is_file() else None,
        environment=_read_object(environment) if environment.is_file() else {},
        task=task,
        modalities=tuple(map(str, description.get("modalities") or ())),
        tested=bool(description.get("test")),
        warnings=tuple(map(str, description.get("warnings") or ())),
        settings=plain_settings(config),
        data=str(config.get("data") or ""),
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object.")
    return content


def _read_task(path: Path, description: dict[str, Any]) -> Task:
    # Folders of before tasks were recorded are all of one task.
    if description.get("task") is None:
        return WMH
    try:
        return Task.model_validate(description["task"])
    except ValidationError as error:
        where, text = next(iter(mistakes(error.errors()).items()))
        raise InputError(f"{path}: task{'::' * bool(where)}{where}{text}.") from error


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} cannot be read as YAML: {' '.join(str(error).split())}"
        ) from error
    return config if isinstance(config, dict) else {}


def _read_epochs(path: Path, task: Task) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    required = ("epoch", "train_loss", task.key_metric)
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise InputError(f"{path} lacks the column {', '.join(missing)}.")
    return frame
