"""Runs as a report sees them: methods, seeds and frames; where they come from is in `load`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medabl.report.columns import Metric, class_metrics, known_metrics, primary_metric
from medabl.report.evaluated import Evaluated
from medabl.task import WMH, Task

# The name under which a CSV that belongs to no run folder is kept: it is no particular epoch.
FILE = "file"
CHECKPOINTS = ("best", "last")
# The losses of the published comparison come first, in its order.
_ORDER = ("gdl", "gdl_bl", "gdl_abl")
# What `epochs.csv` holds beside validation metrics.
_TRAINING_COLUMNS = ("epoch", "train_loss", "alpha", "lr", "seconds")
_WEIGHT = "weight_"


@dataclass(frozen=True)
class Run:
    """One training (or one CSV): a method, a seed, a fold and what was measured.

    Attributes:
        name: of the run.
        method: key of the group the run belongs to.
        label: the group's name for people.
        seed: of the training.
        fold: of the cross-validation.
        folder: the run folder; None for a CSV of its own.
        evaluations: checkpoint -> its evaluation.
        epochs: one row per epoch, if there is a log.
        environment: versions and device.
        task: what is segmented; None where nothing says so.
        modalities: names of the images, in channel order.
        tested: whether the evaluations are of a held-out test set.
        warnings: what the run itself warns about.
        settings: plain settings of the run, by dotted key.
        data: the data set's folder; empty where nothing says so.
        pooled: epoch -> metric, class and value of a whole set of pictures or videos.
    """

    name: str
    method: str
    label: str
    seed: int
    fold: int
    folder: Path | None
    evaluations: dict[str, Evaluated]
    epochs: pd.DataFrame | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    task: Task | None = None
    modalities: tuple[str, ...] = ()
    tested: bool = False
    warnings: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    pooled: dict[str, pd.DataFrame] = field(default_factory=dict)

    def at(self, checkpoint: str) -> Evaluated | None:
        """Give the evaluation of `checkpoint`; a loose CSV answers for any."""
        return self.evaluations.get(checkpoint, self.evaluations.get(FILE))

    @property
    def key_metric(self) -> str:
        """The column of `epochs` that decided which epoch is best."""
        return (self.task or WMH).key_metric

    @property
    def higher_is_better(self) -> bool:
        """The direction of the key metric."""
        return (self.task or WMH).higher_is_better


@dataclass(frozen=True)
class Runs:
    """Runs that can be compared: the same subjects for every method, and common metrics.

    Attributes:
        runs: all of them.
        unfinished: names of runs that were found and left out, with their status.
    """

    runs: tuple[Run, ...]
    unfinished: tuple[tuple[str, str], ...] = ()
    _cache: dict[str, tuple[list[str], dict[str, pd.DataFrame]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def methods(self) -> dict[str, str]:
        """Method -> label, the published losses first and the others as they were given."""
        given = {run.method: run.label for run in self.runs}
        places = {name: place for place, name in enumerate(_ORDER)}
        return {
            name: given[name]
            for name in sorted(given, key=lambda name: places.get(name.split(",")[0], len(_ORDER)))
        }

    @cached_property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints every run has: best and last epoch, or only ``"file"`` for CSVs."""
        folders = self.trained
        if not folders:
            return (FILE,)
        return tuple(c for c in CHECKPOINTS if all(c in run.evaluations for run in folders))

    @property
    def trained(self) -> tuple[Run, ...]:
        """The runs that have a run folder."""
        return tuple(run for run in self.runs if run.folder is not None)

    @cached_property
    def task(self) -> Task | None:
        """What is segmented; None where no run says so."""
        return next((run.task for run in self.runs if run.task is not None), None)

    @cached_property
    def structure(self) -> str:
        """What is segmented, in a word for captions: ``lesion``, a class, or ``foreground``."""
        if self.task is not None:
            return self.task.evaluated[0] if len(self.task.evaluated) == 1 else "foreground"
        challenge = any(metric.family == "challenge" for metric in self.metrics)
        return "lesion" if challenge else "foreground"

    @property
    def component(self) -> str:
        """What a connected component of the structure is called."""
        return "lesion" if self.structure == "lesion" else "component"

    @property
    def tested(self) -> bool:
        """Whether the evaluations are of subjects no epoch was chosen on."""
        return bool(self.trained) and all(run.tested for run in self.trained)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics every evaluation holds."""
        return known_metrics(self._common_columns)

    @cached_property
    def class_metrics(self) -> tuple[Metric, ...]:
        """The metrics of single classes every evaluation holds."""
        return class_metrics(self._common_columns)

    @cached_property
    def partial_metrics(self) -> tuple[Metric, ...]:
        """The metrics only some evaluations hold, which are therefore not compared."""
        everything = dict.fromkeys(column for columns in self._columns for column in columns)
        return tuple(m for m in known_metrics(everything) if m not in self.metrics)

    @cached_property
    def primary(self) -> Metric:
        """The metric the verdict rests on."""
        return primary_metric(self.metrics)

    @cached_property
    def validation_metrics(self) -> tuple[str, ...]:
        """The validation metrics in the logs of the runs, the key metrics first."""
        logs = [run for run in self.runs if run.epochs is not None]
        columns = [run.key_metric for run in logs]
        for run in logs:
            assert run.epochs is not None
            numbers = run.epochs.select_dtypes("number").columns
            columns += [
                str(name)
                for name in numbers
                if name not in _TRAINING_COLUMNS and not str(name).startswith(_WEIGHT)
            ]
        return tuple(dict.fromkeys(columns))

    @property
    def _columns(self) -> list[list[str]]:
        return [
            [str(column) for column in evaluated.subjects.columns]
            for run in self.runs
            for evaluated in run.evaluations.values()
        ]

    @property
    def _common_columns(self) -> list[str]:
        columns = self._columns
        return [name for name in columns[0] if all(name in others for others in columns)]

    def of(self, method: str) -> list[Run]:
        """Give the runs of one method, by seed and fold."""
        chosen = [run for run in self.runs if run.method == method]
        return sorted(chosen, key=lambda run: (run.seed, run.fold))

    def seeds(self, method: str) -> list[int]:
        """Give the seeds of one method."""
        return sorted({run.seed for run in self.of(method)})

    def subjects(self, checkpoint: str) -> pd.DataFrame:
        """Give one row per subject and run, with method, label, seed, fold and run beside it."""
        return self._tidy(checkpoint, "subjects")

    def lesions(self, checkpoint: str) -> pd.DataFrame:
        """Give one row per reference lesion and run; empty where no run has a table of lesions."""
        return self._tidy(checkpoint, "lesions")

    def skipped(self, checkpoint: str) -> pd.DataFrame:
        """Give one row per subject that an evaluation left out; empty where none did."""
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
        """Give one metric as a subjects x seeds frame per method, rows in the same order.

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
