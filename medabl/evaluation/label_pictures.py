"""Label pictures on disk evaluated against label pictures on disk."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pandas as pd
import torch

from medabl.data.pictures import read_label_picture
from medabl.errors import InputError
from medabl.evaluation.label_maps import LabelMapScores
from medabl.evaluation.picture_pairs import Pair
from medabl.evaluation.workers import one_thread, start_method
from medabl.processors import processor_count
from medabl.task import IGNORED, Task


def evaluate_label_pictures(
    pairs: Sequence[Pair], task: Task, workers: int | None = None
) -> pd.DataFrame:
    """Evaluate predictions of any model, on several processors.

    Args:
        pairs: prediction and reference, PNG files with the label values of the task.
        task: what the values stand for.
        workers: processes; None: one a processor.

    Returns:
        the columns ``metric``, ``class`` and ``value``, as `LabelMapScores.table`.

    Raises:
        InputError: if there are no pairs, a file cannot be read, sizes differ, or a prediction has
            an ignored label where the reference has none.
    """
    if not pairs:
        raise InputError("There are no label pictures to evaluate.")
    workers = min(workers or processor_count(), len(pairs))
    scores = LabelMapScores(task)
    evaluate = partial(_evaluate, task=task)
    if workers == 1:
        scores.merge([evaluate(pair) for pair in pairs])
        return scores.table()
    with ProcessPoolExecutor(workers, start_method(), one_thread) as pool:
        scores.merge(list(pool.map(evaluate, pairs, chunksize=4)))
    return scores.table()


def _evaluate(pair: Pair, task: Task) -> LabelMapScores:
    pred, ref = (read_label_picture(path, task) for path in pair)
    if pred.shape != ref.shape:
        raise InputError(
            f"{pair[0]} has {pred.shape[1]} x {pred.shape[0]} pixels and {pair[1]}"
            f" {ref.shape[1]} x {ref.shape[0]}; predictions must have the size of their reference."
        )
    undecided = (pred == IGNORED) & (ref != IGNORED)
    if undecided.any():
        raise InputError(
            f"{pair[0]} has ignored labels in {int(undecided.sum())} pixels that count; predict a"
            " class in every pixel."
        )
    scores = LabelMapScores(task)
    scores.add(torch.from_numpy(pred)[None], torch.from_numpy(ref)[None])
    return scores
