"""Which subjects the gallery shows: the best, the median and the worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medabl.report.load import named_file, prediction_file
from medabl.report.runs import Run, Runs
from medabl.statistics import seed_average


@dataclass(frozen=True)
class GalleryRow:
    """One subject of the gallery.

    Attributes:
        title: what the row is, such as ``"Best: Utrecht/3"``.
        reference: the reference segmentation (NIfTI labels).
        predictions: panel title -> predicted segmentation (labels, or probabilities of the
            first of `labels`).
        image: the scan to draw on; None draws on black.
        notes: panel title -> a short text below it, such as its Dice.
        labels: values of the label files that are outlined; others are background.
        image_name: what the scan is called; by default its file name without suffixes.
    """

    title: str
    reference: Path
    predictions: Mapping[str, Path]
    image: Path | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[int, ...] = (1,)
    image_name: str = ""

    @property
    def image_title(self) -> str:
        """What the panel without outlines is called."""
        if self.image is None:
            return "no scan"
        return self.image_name or _stem(self.image)


def gallery_rows(runs: Runs, checkpoint: str) -> list[GalleryRow]:
    """Choose the best, median and worst subject by the deciding metric.

    A subject's value is the mean over methods and seeds, so that all methods are seen on the same
    subjects; the predictions shown are those of each method's first seed. Subjects without a
    value under some method, and methods whose files are not there any more, are left out.
    """
    metric = runs.primary
    wide = runs.values(metric, checkpoint)
    averages = np.stack([seed_average(frame.to_numpy()) for frame in wide.values()]).mean(axis=0)
    subjects = np.array(next(iter(wide.values())).index)[~np.isnan(averages)]
    known = averages[~np.isnan(averages)]
    order = np.argsort(-known if metric.higher_is_better else known, kind="stable")
    names = [str(subjects[i]) for i in order]
    if not names:
        return []
    picks = {"Best": names[0], "Median": names[(len(names) - 1) // 2], "Worst": names[-1]}
    if len(names) == 1:
        picks = {"Only subject": names[0]}
    elif len(names) == 2:
        picks = {"Best": names[0], "Worst": names[1]}
    rows = [_row(runs, checkpoint, rank, subject) for rank, subject in picks.items()]
    return [row for row in rows if row is not None]


def _row(runs: Runs, checkpoint: str, rank: str, subject: str) -> GalleryRow | None:
    predictions: dict[str, Path] = {}
    notes: dict[str, str] = {}
    reference: Path | None = None
    image: Path | None = None
    image_name = ""
    for method, label in runs.methods.items():
        shown = _first_with(runs.of(method), checkpoint, subject)
        if shown is None:
            continue
        run, files = shown
        prediction = prediction_file(run, checkpoint, subject, files.get("prediction"))
        if prediction is not None:
            predictions[label] = prediction
            value = float(str(files[runs.primary.column]))
            notes[label] = f"{runs.primary.label} {runs.primary.format(value)}"
        reference = reference or named_file(run, files.get("reference"))
        if image is None:
            image = named_file(run, files.get("image"))
            image_name = _image_name(image, run) if image is not None else ""
    if reference is None or not predictions:
        return None
    return GalleryRow(
        title=f"{rank}: {subject}",
        reference=reference,
        predictions=predictions,
        image=image,
        notes=notes,
        labels=_outlined(runs),
        image_name=image_name,
    )


def _first_with(
    runs: list[Run], checkpoint: str, subject: str
) -> tuple[Run, dict[str, object]] | None:
    """Give the first run that evaluated a subject, and its row."""
    for run in runs:
        evaluated = run.at(checkpoint)
        assert evaluated is not None
        mine = evaluated.subjects[evaluated.subjects["subject"] == subject]
        if not mine.empty:
            return run, {str(name): value for name, value in mine.iloc[0].items()}
    return None


def _image_name(image: Path, run: Run) -> str:
    """Name a scan after its file (``FLAIR``) or, where the file is not, after its modality."""
    stem = _stem(image)
    if not run.modalities or stem.lower() in map(str.lower, run.modalities):
        return stem
    return run.modalities[0]


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _outlined(runs: Runs) -> tuple[int, ...]:
    if runs.task is None:
        return (1,)
    return tuple(value for value, name in runs.task.labels.items() if name in runs.task.evaluated)
