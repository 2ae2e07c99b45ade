"""A look at all label pictures of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from medabl.data import Subject, find_subjects, read_label_picture
from medabl.data.suitable import check_suitable
from medabl.geometry import label_boundary
from medabl.inspection.suggest import Suggestion, boundary_ratio, write_tables
from medabl.task import IGNORED, Task

VOID = "(void)"
"""In the column ``class``: pixels that count nowhere."""

Progress = Callable[[Sequence[Subject]], Iterable[Subject]]


@dataclass(frozen=True)
class PictureInspection:
    """What the labels of a data set are like.

    Attributes:
        table: a row a class: its share of all pixels that count (of all pixels for `VOID`), the
            pictures that have it, and its median share of their pixels.
        suggestions: settings that suit them.
        pictures: how many there are.
    """

    table: pd.DataFrame
    suggestions: list[Suggestion]
    pictures: int

    def write(self, folder: Path) -> None:
        """Write ``inspect.csv`` and ``suggestions.csv``."""
        write_tables(self.table, self.suggestions, folder)


def inspect_pictures(data: Path, task: Task, progress: Progress = iter) -> PictureInspection:
    """Count the pixels of every class.

    Args:
        data: what `find_subjects` takes.
        task: what the values of the label pictures stand for.
        progress: is given the subjects and gives them back, one by one.

    Raises:
        InputError: if these are no pictures of the task, or a label picture is missing or bad.
    """
    check_suitable(data, task)
    subjects = find_subjects(data, ["rgb"])
    counts, boundaries = [], []
    for subject in progress(subjects):
        assert subject.label is not None
        classes = read_label_picture(subject.label, task)
        counts.append(np.bincount(classes.ravel(), minlength=IGNORED + 1))
        on_boundary = label_boundary(torch.from_numpy(classes)[None, None], task.ignore_index)
        boundaries.append(float(on_boundary.float().mean()))
    pixels = np.stack(counts)
    counted = pixels[:, : len(task.classes)]
    rows = [
        _row(name, counted[:, channel], counted.sum(1)) for channel, name in enumerate(task.classes)
    ]
    if task.ignored:
        rows.append(_row(VOID, pixels[:, IGNORED], pixels.sum(1)))
    shares = np.array([share for share in boundaries if share > 0])
    what = f"{len(shares)} pictures with a boundary"
    suggestions = []
    if shares.size:
        suggestions = [boundary_ratio("max_boundary_ratio", shares, what, elements="pixels")]
    return PictureInspection(pd.DataFrame(rows), suggestions, len(subjects))


def _row(name: str, pixels: np.ndarray, of: np.ndarray) -> dict[str, object]:
    has = pixels > 0
    share = 100 * pixels[has] / of[has]
    return {
        "class": name,
        "percent_of_pixels": 100 * float(pixels.sum()) / max(float(of.sum()), 1.0),
        "pictures": int(has.sum()),
        "median_percent_where_present": float(np.median(share)) if share.size else np.nan,
    }
