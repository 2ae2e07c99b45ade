"""After training: masks of the validation subjects, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.transforms import Compose
from rich.console import Console
from rich.progress import track
from torch import nn

from medabl.data import Split, Subject
from medabl.engine.checkpoint import load_checkpoint
from medabl.engine.predict import Predictor
from medabl.engine.run_folder import RunFolder, Which
from medabl.evaluation import Case, evaluate_cases, write_evaluation

EPOCHS: tuple[Which, ...] = ("best", "last")


def judge_run(
    folder: RunFolder,
    network: nn.Module,
    preprocess: Compose,
    modalities: Sequence[str],
    device: torch.device,
    subjects: Sequence[Subject],
    split: Split,
) -> None:
    """Predict and evaluate the validation subjects with the best and with the last epoch.

    Writes ``predictions/<best|last>/*.nii.gz`` and ``evaluation/<best|last>*.csv``.

    Args:
        folder: the run's folder, with its checkpoints.
        network: takes the weights of each.
        preprocess: transforms from files to the network's volume.
        modalities: names of the images, in channel order.
        device: where to compute.
        subjects: all subjects.
        split: whose ``val`` are judged.
    """
    console = Console(stderr=True)
    silent = not console.is_terminal
    by_id = {subject.id: subject for subject in subjects}
    for which in EPOCHS:
        network.load_state_dict(load_checkpoint(folder.checkpoint(which))["network"])
        predictor = Predictor(network, preprocess, modalities, device)
        cases = []
        title = f"{folder.path.name}: masks of the {which} epoch"
        for i in track(split["val"], title, console=console, transient=True, disable=silent):
            subject = by_id[i]
            path = predictor.write_mask(
                subject, folder.prediction(which, str(subject.relative_path))
            )
            cases.append(_case(subject, path))
        write_evaluation(evaluate_cases(cases, progress=False), folder.evaluation(which))


def _case(subject: Subject, prediction: Path) -> Case:
    assert subject.label is not None
    image = next(iter(subject.images.values()))
    return Case(subject.id, subject.site, prediction, subject.label, image)
