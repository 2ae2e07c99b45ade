"""After training on pictures: label pictures of those it is evaluated on, and their metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from monai.inferers import Inferer
from monai.transforms import Compose
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from torch import Tensor, nn

from medabl.data import Cohort, Subject, subject_item
from medabl.data.pictures import write_label_picture
from medabl.evaluation.label_maps import LabelMapScores
from medabl.files import atomic_path
from medabl.runs import RunFolder, Which, load_checkpoint
from medabl.task import Task

_KEYS = ("image", "label")


def evaluate_pictures(
    folder: RunFolder,
    network: nn.Module,
    preprocess: Compose,
    inferers: Mapping[str, Inferer],
    cohort: Cohort,
    task: Task,
    device: torch.device,
) -> None:
    """Predict and evaluate the pictures that are kept for it.

    Writes ``natural_metrics.csv`` of the last epoch (as published: training ends after a fixed
    number of steps) and ``natural_metrics_best.csv`` of the best one, with the columns metric,
    class and value, and the last epoch's label pictures, ``predictions/last/<id>.png``, in the
    label values of the task.

    Args:
        folder: the run's folder, with its checkpoints.
        network: takes the weights of each.
        preprocess: transforms from files to ``image``, 3 x H x W, and ``label``, 1 x H x W.
        inferers: what is appended to the metrics' names -> how an image goes through the network;
            the pictures are written with the first.
        cohort: whose subjects are evaluated.
        task: what the classes are.
        device: where to compute.
    """
    tables: dict[int, pd.DataFrame] = {}
    files: dict[Which, Path] = {
        "last": folder.natural_metrics,
        "best": folder.natural_metrics_best,
    }
    for which, path in files.items():
        checkpoint = load_checkpoint(folder.checkpoint(which))
        epoch = checkpoint["epoch"]
        if epoch not in tables:  # the last epoch may be the best one
            network.load_state_dict(checkpoint["network"])
            network.to(device).eval()
            scores = {ending: LabelMapScores(task) for ending in inferers}
            for subject in _tracked(cohort.evaluated, f"{folder.path.name}: the {which} epoch"):
                data = preprocess(subject_item(subject))
                image, label = (data[key].as_subclass(Tensor)[None].to(device) for key in _KEYS)
                classes = {e: _classes(network, inferer, image) for e, inferer in inferers.items()}
                for ending, predicted in classes.items():
                    scores[ending].add(predicted, label[:, 0])
                if which == "last":
                    picture = folder.prediction(which, subject.id, ".png")
                    first = next(iter(classes.values()))[0]
                    write_label_picture(picture, first.cpu().numpy(), task)
            tables[epoch] = _joined(scores)
        with atomic_path(path) as temporary:
            tables[epoch].to_csv(temporary, index=False)


def _tracked(subjects: Sequence[Subject], title: str) -> Iterable[Subject]:
    console = Console(stderr=True)
    silent = not console.is_terminal
    return track(subjects, escape(title), console=console, transient=True, disable=silent)


@torch.no_grad()
def _classes(network: nn.Module, inferer: Inferer, image: Tensor) -> Tensor:
    logits: Tensor = inferer(image, network)
    return logits.argmax(dim=1).to(torch.uint8)


def _joined(scores: Mapping[str, LabelMapScores]) -> pd.DataFrame:
    tables = []
    for ending, collected in scores.items():
        table = collected.table()
        tables.append(table.assign(metric=table["metric"] + ending))
    return pd.concat(tables)
