"""A look at all subjects of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medabl.data import Subject, find_subjects
from medabl.data.axes import SliceAxis, axes_with_slices_last
from medabl.data.described import described_task
from medabl.data.labels import read_labels
from medabl.data.nifti import Volume
from medabl.errors import InputError
from medabl.files import atomic_path
from medabl.inspection.measure import MaskFacts, measure
from medabl.inspection.suggest import Suggestion, suggest, write_tables
from medabl.task import Task

Progress = Callable[[Sequence[Subject]], Iterable[Subject]]


@dataclass(frozen=True)
class Inspection:
    """What a data set is like.

    Attributes:
        table: a row a subject; the columns say their units.
        suggestions: settings that suit it.
        facts: of each subject.
        voxel_mm3: of each subject.
    """

    table: pd.DataFrame
    suggestions: list[Suggestion]
    facts: dict[str, MaskFacts]
    voxel_mm3: dict[str, float]

    def write(self, folder: Path) -> None:
        """Write ``inspect.csv``, ``suggestions.csv`` and ``inspect.png``."""
        from medabl.inspection.figure import inspection_figure

        write_tables(self.table, self.suggestions, folder)
        with atomic_path(folder / "inspect.png") as temporary:
            inspection_figure(self.facts, self.voxel_mm3).savefig(temporary, dpi=150)


def inspect_data(
    data: Path,
    modalities: Sequence[str] = ("flair", "t1"),
    slice_axis: SliceAxis = "axial",
    progress: Progress = iter,
) -> Inspection:
    """Measure the masks of a data set, in whichever known layout it lies.

    Args:
        data: what `find_subjects` takes.
        modalities: names of the images.
        slice_axis: plane of the slices.
        progress: is given the subjects and gives them back, one by one.

    Raises:
        InputError: if a mask is missing or bad.
    """
    axes = axes_with_slices_last(slice_axis)
    task = described_task(data) if data.is_dir() else described_task(data.parent)
    subjects = find_subjects(data, modalities)
    facts, volumes = {}, {}
    for subject in progress(subjects):
        volume = _mask(subject, task)
        classes = task.to_classes(volume.data).transpose(axes)
        facts[subject.id], volumes[subject.id] = measure(classes), volume
    spacings = {name: tuple(one.spacing[a] for a in axes) for name, one in volumes.items()}
    shapes = {name: tuple(one.data.shape[a] for a in axes) for name, one in volumes.items()}
    voxel_mm3 = {name: one.voxel_mm3 for name, one in volumes.items()}
    bounded = {name: one for name, one in facts.items() if one.boundary_shares.size}
    rows = [
        {"subject": name, **_row(facts[name], spacings[name], shapes[name], voxel_mm3[name])}
        for name in facts
    ]
    return Inspection(pd.DataFrame(rows), suggest(bounded, spacings, shapes), facts, voxel_mm3)


def _mask(subject: Subject, task: Task) -> Volume:
    if subject.label is None:
        raise InputError(f"Subject {subject.id} has no mask.")
    return read_labels(subject.label, task)


def _row(
    facts: MaskFacts, spacing: tuple[float, ...], shape: tuple[int, ...], voxel_mm3: float
) -> dict[str, Any]:
    volumes = facts.lesion_voxels * voxel_mm3
    shares = facts.boundary_shares
    return {
        "shape": " x ".join(map(str, shape)),
        "spacing_mm": " x ".join(f"{size:.3g}" for size in spacing),
        "slices": facts.slices,
        "empty_slices": facts.empty_slices,
        "lesions": len(volumes),
        "lesion_ml": volumes.sum() / 1000,
        "median_lesion_mm3": float(np.median(volumes)) if volumes.size else np.nan,
        "largest_lesion_mm3": volumes.max() if volumes.size else np.nan,
        "boundary_percent_of_slice": 100 * float(np.median(shares)) if shares.size else 0.0,
        "boundary_percent_of_lesion": 100 * facts.boundary_of_lesion,
    }
