"""After training: masks of the subjects it is evaluated on, and their metrics."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.inferers import Inferer
from monai.transforms import Compose
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from torch import nn

from medabl.data import Cohort, Subject
from medabl.data.axes import SliceAxis
from medabl.engine.predict import Predictor
from medabl.evaluation import Case, evaluate_cases, write_evaluation
from medabl.runs import WHICH, RunFolder, load_checkpoint
from medabl.task import Task


def evaluate_run(
    folder: RunFolder,
    network: nn.Module,
    preprocess: Compose,
    inferer: Inferer,
    cohort: Cohort,
    task: Task,
    slice_axis: SliceAxis,
    device: torch.device,
) -> None:
    """Predict and evaluate the test subjects, or without a test the validation subjects.

    With the best and with the last epoch; writes ``predictions/<best|last>/<id>.nii.gz`` and
    ``evaluation/<best|last>*.csv``.

    Args:
        folder: the run's folder, with its checkpoints.
        network: takes the weights of each.
        preprocess: transforms from files to the network's volume.
        inferer: takes a volume through the network.
        cohort: whose subjects are evaluated.
        task: what the classes are.
        slice_axis: plane of the slices that `preprocess` makes.
        device: where to compute.
    """
    console = Console(stderr=True)
    silent = not console.is_terminal
    modalities = list(cohort.subjects[0].images)
    for which in WHICH:
        network.load_state_dict(load_checkpoint(folder.checkpoint(which))["network"])
        predictor = Predictor(
            [network],
            preprocess,
            inferer,
            modalities,
            task,
            slice_axis,
            device,
        )
        cases = []
        title = escape(f"{folder.path.name}: masks of the {which} epoch")
        for subject in track(
            cohort.evaluated, title, console=console, transient=True, disable=silent
        ):
            path = predictor.write_mask(subject, folder.prediction(which, subject.id))
            cases.append(_case(subject, path))
        evaluation = evaluate_cases(cases, task=task, slice_axis=slice_axis, progress=False)
        write_evaluation(evaluation, folder.evaluation(which))


def _case(subject: Subject, prediction: Path) -> Case:
    assert subject.label is not None
    image = next(iter(subject.images.values()))
    return Case(subject.id, subject.site, prediction, subject.label, image)
