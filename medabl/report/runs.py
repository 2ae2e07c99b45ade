"""Run folders and evaluation CSVs, loaded and checked so that methods can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medabl.errors import InputError
from medabl.evaluation import read_evaluation
from medabl.files import read_json
from medabl.report.columns import Metric, known_metrics, primary_metric

# The name under which a CSV that belongs to no run folder is kept: it is no particular epoch.
FILE = "file"
CHECKPOINTS = ("best", "last")
# The losses of the published comparison come first, in its order.
_ORDER = ("gdl", "gdl_bl", "gdl_abl")
_EPOCH_COLUMNS = ("epoch", "train_loss", "val_slice_dsc")
_LESION_COLUMNS = ("subject", "volume_mm3", "detected")


@dataclass(frozen=True)
class Evaluated:
    """One checkpoint of one run, evaluated: the frames of one evaluation CSV and its companions."""

    path: Path
    subjects: pd.DataFrame
    lesions: pd.DataFrame
    skipped: pd.DataFrame


@dataclass(frozen=True)
class Run:
    """One training (or one CSV): a method, a seed, a fold and what was measured."""

    name: str
    method: str
    label: str
    seed: int
    fold: int
    folder: Path | None
    evaluations: dict[str, Evaluated]
    epochs: pd.DataFrame | None = None
    environment: dict[str, Any] = field(default_factory=dict)

    def at(self, checkpoint: str) -> Evaluated | None:
        """Give the evaluation of `checkpoint`; a loose CSV answers for any."""
        return self.evaluations.get(checkpoint, self.evaluations.get(FILE))


@dataclass(frozen=True)
class Runs:
    """Runs that can be compared: the same subjects for every method, and common metrics."""

    runs: tuple[Run, ...]
    _cache: dict[str, tuple[list[str], dict[str, pd.DataFrame]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def methods(self) -> dict[str, str]:
        """Method -> label, the published losses first and the others as they were given."""
        given = {run.method: run.label for run in self.runs}
        ordered = [name for name in _ORDER if name in given]
        ordered += [name for name in given if name not in _ORDER]
        return {name: given[name] for name in ordered}

    @cached_property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints every run has: best and last epoch, or only ``"file"`` for CSVs."""
        folders = [run for run in self.runs if run.folder is not None]
        if not folders:
            return (FILE,)
        return tuple(c for c in CHECKPOINTS if all(c in run.evaluations for run in folders))

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics every evaluation holds."""
        return known_metrics(c for c in self._columns[0] if all(c in s for s in self._columns))

    @cached_property
    def partial_metrics(self) -> tuple[Metric, ...]:
        """The metrics only some evaluations hold, which are therefore not compared."""
        everything = dict.fromkeys(column for columns in self._columns for column in columns)
        return tuple(m for m in known_metrics(everything) if m not in self.metrics)

    @cached_property
    def primary(self) -> Metric:
        """The metric the verdict rests on."""
        return primary_metric(self.metrics)

    @property
    def _columns(self) -> list[list[str]]:
        return [
            [str(column) for column in evaluated.subjects.columns]
            for run in self.runs
            for evaluated in run.evaluations.values()
        ]

    def of(self, method: str) -> list[Run]:
        """Give the runs of one method, by fold and seed."""
        chosen = [run for run in self.runs if run.method == method]
        return sorted(chosen, key=lambda run: (run.seed, run.fold))

    def seeds(self, method: str) -> list[int]:
        """Give the seeds of one method."""
        return sorted({run.seed for run in self.of(method)})

    def subjects(self, checkpoint: str) -> pd.DataFrame:
        """Give a row a subject and run, with method, label, seed, fold and run beside it."""
        return self._tidy(checkpoint, "subjects")

    def lesions(self, checkpoint: str) -> pd.DataFrame:
        """Give a row a reference lesion and run; empty where no run has a table of lesions."""
        return self._tidy(checkpoint, "lesions")

    def skipped(self, checkpoint: str) -> pd.DataFrame:
        """Give a row a subject that an evaluation left out; empty where none did."""
        return self._tidy(checkpoint, "skipped")

    def _tidy(self, checkpoint: str, table: str) -> pd.DataFrame:
        frames = []
        for run in self.runs:
            evaluated = run.at(checkpoint)
            frame = getattr(evaluated, table) if evaluated is not None else None
            if frame is None or frame.empty:
                continue
            origin = {"method": run.method, "label": run.label, "run": run.name}
            numbers = {"seed": run.seed, "fold": run.fold}
            frames.append(frame.assign(**origin, **numbers))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def values(self, metric: Metric, checkpoint: str) -> dict[str, pd.DataFrame]:
        """Give one metric as a subjects x seeds frame a method, rows in the same order.

        Infinite values (no surface to measure to) count as missing, like NaN.
        """
        every, cells = self._cells(checkpoint)
        wide = {}
        for method, mine in cells.items():
            pivot = mine[metric.column].unstack("seed").reindex(every).astype(float)
            wide[method] = pivot.replace([np.inf, -np.inf], np.nan)
        return wide

    def _cells(self, checkpoint: str) -> tuple[list[str], dict[str, pd.DataFrame]]:
        """Give all subjects, and each method's rows indexed by subject and seed."""
        if checkpoint not in self._cache:
            tidy = self.subjects(checkpoint)
            every = sorted(tidy["subject"].unique())
            indexed = tidy.set_index(["subject", "seed"])
            cells = {method: indexed[indexed["method"] == method] for method in self.methods}
            self._cache[checkpoint] = every, cells
        return self._cache[checkpoint]


def load_runs(paths: Sequence[str | os.PathLike[str]]) -> Runs:
    """Load run folders and evaluation CSVs and check that they can be compared.

    Args:
        paths: run folders, folders searched for ``run.json`` at any depth, or evaluation CSVs. A
            CSV inside a run folder is that run's checkpoint; any other one is a method named after
            the file.

    Raises:
        InputError: nothing was found, a run is unfinished, a file cannot be read or lacks a
            column, two runs claim the same method, seed and fold, or the subjects differ between
            methods.
    """
    if not paths:
        raise InputError("Nothing to report on: give run folders or evaluation CSV files.")
    loaded: list[Run] = []
    for path in map(Path, paths):
        loaded.extend(_load_path(path))
    unique = _merge_same_folder(loaded)
    runs = Runs(tuple(_with_distinct_methods(unique)))
    _check_distinct(runs)
    if not runs.checkpoints:
        raise InputError(
            "The runs have no evaluated checkpoint in common: evaluate best.pt or last.pt of each."
        )
    if not runs.metrics:
        raise InputError("The evaluations have no metric in common: evaluate them the same way.")
    for checkpoint in runs.checkpoints:
        _check_same_subjects(runs, checkpoint)
    return runs


def _load_path(path: Path) -> list[Run]:
    if path.is_dir():
        descriptions = sorted(path.rglob("run.json"), key=lambda p: p.as_posix())
        if not descriptions:
            raise InputError(
                f"No run.json in {path} or below: give run folders, a folder that holds them, or "
                "evaluation CSV files."
            )
        folders = [description.parent for description in descriptions]
        unfinished = [
            f for f in folders if _read_description(f / "run.json").get("status") != "done"
        ]
        if unfinished:
            raise InputError(
                f"{len(unfinished)} of {len(folders)} runs in {path} are not finished "
                f"({_some([f.name for f in unfinished])}): resume them, or leave them out."
            )
        return [_load_run(folder) for folder in folders]
    if not path.is_file():
        raise InputError(f"{path} does not exist: give run folders or evaluation CSV files.")
    if path.suffix.lower() != ".csv":
        raise InputError(f"{path} is neither a folder nor a CSV file.")
    run_folder = path.parent.parent
    if path.parent.name == "evaluation" and (run_folder / "run.json").is_file():
        return [_load_run(run_folder, only=path.stem)]
    evaluations = {FILE: _load_evaluation(path)}
    return [Run(path.stem, path.stem, path.stem, 0, 0, None, evaluations)]


def _load_run(folder: Path, only: str | None = None) -> Run:
    description = _read_description(folder / "run.json")
    name = str(description.get("name", folder.name))
    names = CHECKPOINTS if only is None else (only,)
    files = {c: folder / "evaluation" / f"{c}.csv" for c in names}
    evaluations = {c: _load_evaluation(f) for c, f in files.items() if f.is_file()}
    if not evaluations:
        raise InputError(
            f"The run in {folder} has no evaluation/best.csv or evaluation/last.csv: evaluate it."
        )
    epochs = folder / "epochs.csv"
    environment = folder / "environment.json"
    method = str(description.get("method", name))
    return Run(
        name=name,
        method=method,
        label=str(description.get("label") or method),
        seed=int(description.get("seed") or 0),
        fold=int(description.get("fold") or 0),
        folder=folder,
        evaluations=evaluations,
        epochs=_read_table(epochs, _EPOCH_COLUMNS) if epochs.is_file() else None,
        environment=_read_description(environment) if environment.is_file() else {},
    )


def _read_description(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object.")
    return content


def _load_evaluation(path: Path) -> Evaluated:
    evaluation = read_evaluation(path)
    subjects = evaluation.subjects
    subjects["subject"] = subjects["subject"].astype(str)
    metrics = known_metrics(map(str, subjects.columns))
    if not metrics:
        raise InputError(f"{path} has no column with a metric that medabl knows, such as dsc.")
    for metric in metrics:
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


def _read_table(path: Path, required: Iterable[str]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise InputError(f"{path} lacks the column {', '.join(missing)}.")
    return frame


def _merge_same_folder(runs: Iterable[Run]) -> list[Run]:
    """Join what was given more than once: a run by its folder and again by one of its CSVs."""
    merged: dict[Path, Run] = {}
    for run in runs:
        source = run.folder if run.folder is not None else run.evaluations[FILE].path
        key = source.resolve()
        if key in merged:
            merged[key].evaluations.update(run.evaluations)
        else:
            merged[key] = run
    return list(merged.values())


def _with_distinct_methods(runs: Sequence[Run]) -> list[Run]:
    """Tell apart what shares a name: CSVs called alike, and one method under several labels."""
    stems = [run.name for run in runs if run.folder is None]
    labels: dict[str, set[str]] = {}
    for run in runs:
        if run.folder is not None:
            labels.setdefault(run.method, set()).add(run.label)
    result = []
    for run in runs:
        method, label = run.method, run.label
        if run.folder is None and (stems.count(run.name) > 1 or run.name in labels):
            method = label = f"{run.evaluations[FILE].path.resolve().parent.name}/{run.name}"
        elif run.folder is not None and len(labels[run.method]) > 1:
            method = run.label
        result.append(replace(run, method=method, label=label))
    return result


def _check_distinct(runs: Runs) -> None:
    seen: dict[tuple[str, int, int], Run] = {}
    for run in runs.runs:
        key = (run.method, run.seed, run.fold)
        if key in seen:
            raise InputError(
                f"Runs {_place(seen[key])} and {_place(run)} are both method {run.method}, seed "
                f"{run.seed}, fold {run.fold}: give one of them, or give them different labels."
            )
        seen[key] = run
    for checkpoint in runs.checkpoints:
        tidy = runs.subjects(checkpoint)
        twice = tidy[tidy.duplicated(["method", "seed", "subject"])]
        if not twice.empty:
            row = twice.iloc[0]
            raise InputError(
                f"Subject {row['subject']} is evaluated in two folds of {row['method']}, seed "
                f"{row['seed']}: folds must hold different subjects."
            )


def _place(run: Run) -> str:
    return str(run.folder if run.folder is not None else run.evaluations[FILE].path)


def _check_same_subjects(runs: Runs, checkpoint: str) -> None:
    tidy = runs.subjects(checkpoint)
    groups = [("", tidy)] + [(f" with seed {seed}", part) for seed, part in tidy.groupby("seed")]
    for where, part in groups:
        held = {m: set(part.loc[part["method"] == m, "subject"]) for m in part["method"].unique()}
        every = set().union(*held.values())
        lacking = [(m, sorted(every - subjects)) for m, subjects in held.items()]
        complaints = [f"{m} lacks {_some(missing)}" for m, missing in lacking if missing]
        if complaints:
            raise InputError(
                f"The methods were evaluated on different subjects{where}: "
                f"{'; '.join(complaints)}. Evaluate the same subjects for each method."
            )


def _some(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
