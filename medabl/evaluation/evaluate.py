"""Many subjects: in parallel, and going on after a bad file if asked to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import Progress

from medabl.data.axes import SliceAxis, axes_with_slices_last
from medabl.errors import InputError
from medabl.evaluation.case import Case
from medabl.evaluation.columns import (
    CASE_COLUMNS,
    LESION_COLUMNS,
    SKIPPED_COLUMNS,
    Protocol,
    metric_columns,
)
from medabl.evaluation.matching import Problem, match_cases
from medabl.evaluation.subject import evaluate_case
from medabl.evaluation.workers import one_thread, start_method
from medabl.processors import processor_count
from medabl.task import WMH, Task

# Starting worker processes takes some seconds each; less work than this is done sooner without.
_WORTH_A_POOL_SECONDS = 10.0


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    Attributes:
        subjects: a row a subject, in the order of the cases.
        lesions: a row a reference lesion: subject, site, volume_mm3, detected (0 or 1).
        skipped: what was left out: subject, file, reason.
    """

    subjects: pd.DataFrame
    lesions: pd.DataFrame
    skipped: pd.DataFrame


def evaluate_paths(
    pred: str | os.PathLike[str],
    ref: str | os.PathLike[str],
    *,
    protocol: Protocol = "all",
    resample: bool = False,
    keep_going: bool = False,
    workers: int | None = None,
    progress: bool = True,
    task: Task = WMH,
    slice_axis: SliceAxis = "axial",
) -> Evaluation:
    """Evaluate a prediction file against a reference file, or a folder against a folder.

    Args:
        pred: NIfTI file or folder (`match_cases` tells how files are paired).
        ref: NIfTI file or folder.
        protocol: "all", "challenge", "surface" or "slices": which metrics.
        resample: bring predictions on another grid onto the reference's: masks by nearest
            neighbour, probabilities linearly.
        keep_going: leave out what cannot be evaluated and list it in `skipped`.
        workers: processes; None takes all cores if there is enough to do.
        progress: whether to show a progress bar on standard error.
        task: what the values in the files stand for, and which classes are evaluated.
        slice_axis: "axial", "coronal" or "sagittal": what the slices of the slice-wise and of the
            challenge's in-plane metrics are taken along.

    Raises:
        InputError: if files cannot be paired or evaluated and `keep_going` is off, or if nothing
            is left to evaluate.
    """
    cases, problems = match_cases(Path(pred), Path(ref))
    if problems and not keep_going:
        more = f" (and {len(problems) - 1} more like it)" if len(problems) > 1 else ""
        raise InputError(problems[0].reason + more)
    evaluator = _CaseEvaluator(protocol, resample, task, slice_axis)
    return _evaluate(cases, problems, evaluator, keep_going, workers, progress)


def evaluate_cases(
    cases: Sequence[Case],
    *,
    protocol: Protocol = "all",
    workers: int | None = None,
    keep_going: bool = False,
    resample: bool = False,
    progress: bool = True,
    task: Task = WMH,
    slice_axis: SliceAxis = "axial",
) -> Evaluation:
    """Evaluate cases whose files are known.

    Args:
        cases: prediction and reference of each subject.
        protocol: "all", "challenge", "surface" or "slices": which metrics.
        workers: processes; None takes all cores if there is enough to do.
        keep_going: leave out what cannot be evaluated and list it in `skipped`.
        resample: bring predictions on another grid onto the reference's: masks by nearest
            neighbour, probabilities linearly.
        progress: whether to show a progress bar on standard error.
        task: what the values in the files stand for, and which classes are evaluated.
        slice_axis: what slices are taken along, as in `evaluate_paths`.

    Raises:
        InputError: if a case cannot be evaluated and `keep_going` is off, or none is left.
    """
    evaluator = _CaseEvaluator(protocol, resample, task, slice_axis)
    return _evaluate(cases, [], evaluator, keep_going, workers, progress)


_Outcome = tuple[dict[str, Any], list[dict[str, Any]]] | InputError


@dataclass(frozen=True)
class _CaseEvaluator:
    """What is done with every case; arguments as `evaluate_case`."""

    protocol: Protocol
    resample: bool
    task: Task
    slice_axis: SliceAxis

    def __post_init__(self) -> None:
        axes_with_slices_last(self.slice_axis)
        self.columns()

    def columns(self) -> list[str]:
        return [*CASE_COLUMNS, *metric_columns(self.protocol, self.task)]

    def __call__(self, case: Case) -> _Outcome:
        try:
            return evaluate_case(case, self.protocol, self.resample, self.task, self.slice_axis)
        except InputError as error:
            # A reader's message may span lines; a table's cell and a sentence do not.
            return InputError(" ".join(str(error).split()))


def _evaluate(
    cases: Sequence[Case],
    problems: Sequence[Problem],
    evaluator: _CaseEvaluator,
    keep_going: bool,
    workers: int | None,
    progress: bool,
) -> Evaluation:
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}.")
    done: dict[int, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    failed: dict[int, Problem] = {}
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not progress) as bar:
        row = bar.add_task("Evaluating", total=len(cases))
        for index, outcome in _outcomes(cases, evaluator, workers):
            bar.advance(row)
            if not isinstance(outcome, InputError):
                done[index] = outcome
            elif keep_going:
                case = cases[index]
                failed[index] = Problem(case.subject, str(case.prediction), str(outcome))
            else:
                raise outcome
    skipped = [*problems, *(failed[i] for i in sorted(failed))]
    if not done:
        raise InputError(
            f"nothing could be evaluated: {skipped[0].reason}"
            if skipped
            else "no cases were given."
        )
    rows = [done[i] for i in sorted(done)]
    return Evaluation(
        subjects=pd.DataFrame([row for row, _ in rows], columns=evaluator.columns()),
        lesions=pd.DataFrame(
            [r for _, lesions in rows for r in lesions], columns=list(LESION_COLUMNS)
        ),
        skipped=pd.DataFrame(list(skipped), columns=list(SKIPPED_COLUMNS)),
    )


def _outcomes(
    cases: Sequence[Case], evaluator: _CaseEvaluator, workers: int | None
) -> Iterator[tuple[int, _Outcome]]:
    """Results and refusals with the index of their case, as they come."""
    todo = list(range(len(cases)))
    if workers is None:
        # The first case that can be evaluated tells how long the others will take.
        seconds = 0.0
        while todo and not seconds:
            index = todo.pop(0)
            begin = time.perf_counter()
            outcome = evaluator(cases[index])
            if not isinstance(outcome, InputError):
                seconds = time.perf_counter() - begin
            yield index, outcome
        workers = processor_count() if seconds * len(todo) > _WORTH_A_POOL_SECONDS else 1
    workers = min(workers, len(todo))
    if workers <= 1:
        for index in todo:
            yield index, evaluator(cases[index])
        return
    context = start_method()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=one_thread) as pool:
        futures = {pool.submit(evaluator, cases[i]): i for i in todo}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a worker process died: for lack of memory, or because the script that started it "
                'has no `if __name__ == "__main__":`; workers=1 needs no other process.'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
