"""How long runs will take and how much memory, told before they begin."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose
from torch.utils.data import default_collate

from medabl.data import Cohort
from medabl.data.axes import axes_with_slices_last
from medabl.data.nifti import read_nifti
from medabl.engine import Settings, find_cohort, settings_of
from medabl.engine.build import parse, refused_parts
from medabl.errors import InputError
from medabl.experiments.plan import PlannedRun
from medabl.files import is_picture
from medabl.processors import peak_memory

_STEPS = 3
# A training step takes so much longer than a step of the validation, which has no backward pass.
_BACKWARD = 3.0


@dataclass(frozen=True)
class Estimate:
    """Cost of one run.

    Attributes:
        seconds: of its training; NaN if a step failed.
        gigabytes: of memory, NaN where finished runs told the time and nothing was measured.
        measured: whether finished runs told, rather than a few timed steps.
        error: why a step failed.
    """

    seconds: float
    gigabytes: float = math.nan
    measured: bool = False
    error: str = ""


def estimate_all(runs: Sequence[PlannedRun], jobs: int = 1) -> list[Estimate]:
    """What each run costs; runs that cost the same are timed once.

    Args:
        runs: finished ones tell what others like them will take.
        jobs: how many will run at the same time; each has its share of the processors.

    Raises:
        InputError: if a data set cannot be used.
    """
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    finished = [run for run in runs if run.folder.status() == "done"]
    known: dict[str, Estimate] = {}
    for run in runs:
        key = _cost_key(run)
        if key not in known:
            known[key] = _estimate(run, find_cohort(settings_of(run.config)), finished)
    return [known[_cost_key(run)] for run in runs]


def _estimate(run: PlannedRun, cohort: Cohort, finished: Sequence[PlannedRun]) -> Estimate:
    alike = [other for other in finished if _cost_key(other) == _cost_key(run)]
    if alike:
        seconds = [pd.read_csv(other.folder.timing)["seconds"].median() for other in alike]
        return Estimate(float(np.median(seconds)) * run.config["epochs"], measured=True)
    settings = settings_of(run.config)
    if refused := refused_parts(run.config, settings, cohort):
        return Estimate(math.nan, error=" ".join(refused))
    try:
        step = _step_seconds(parse(run.config, settings, cohort), settings)
    except Exception as error:  # whatever the run's own network or loss raises
        cause = error
        while isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        told = str(cause) if isinstance(cause, InputError) else f"{type(cause).__name__}: {cause}"
        return Estimate(math.nan, error=told)
    per_subject = _samples(cohort, settings)
    train, val = (per_subject * len(side) for side in (cohort.train, cohort.val))
    steps = (settings.slices_per_epoch or train) + val / _BACKWARD
    voxels = (train + val) * int(np.prod(settings.image_size))
    held = voxels * (len(settings.modalities) * 4 + 1 + 8)  # images, label, distance maps
    memory = ((peak_memory() or 0) + held) / 2**30
    return Estimate(settings.epochs * steps / settings.batch_size * step, memory)


def _samples(cohort: Cohort, settings: Settings) -> int:
    """Slices, patches, pictures or frames that a subject gives."""
    image = next(iter(cohort.subjects[0].images.values()))
    if image.is_dir():
        return len(list(image.iterdir()))
    if settings.task.spatial_dims == 3:
        return settings.patches_per_volume or 1
    if is_picture(image.name):
        return 1
    return int(read_nifti(image).data.shape[axes_with_slices_last(settings.slice_axis)[-1]])


def _step_seconds(parser: ConfigParser, settings: Settings) -> float:
    """Median time of a training step."""
    torch.manual_seed(0)
    network = parser.get_parsed_content("placed_network").train()
    optimizer = parser.get_parsed_content("optimizer")
    device = parser.get_parsed_content("torch_device")
    autocast = parser.get_parsed_content("autocast")
    loss = parser.get_parsed_content("trainer::loss_function")
    inferer = parser.get_parsed_content("inferer")
    prepare_batch = parser.get_parsed_content("trainer::prepare_batch")
    options = parser.get_parsed_content("trainer::to_kwargs")
    image, target, *further = prepare_batch(_batch(parser, settings), device, **options)
    arguments = further[0] if further else ()
    seconds = []
    for _ in range(_STEPS + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device.type, enabled=autocast.enabled, **autocast.options):
            logits = inferer(image, network, *arguments)
        loss(logits, target).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def _batch(parser: ConfigParser, settings: Settings) -> dict[str, Any]:
    """The first batch; of scans, which take long to prepare, blank slices with a band."""
    if parser.get("train_volumes") is None:
        return dict(next(iter(parser.get_parsed_content("train_loader"))))
    add_maps = Compose(parser.get_parsed_content("distance_map"))
    label = torch.zeros(1, *settings.image_size)
    label[0, settings.image_size[0] // 3 : settings.image_size[0] // 2] = 1
    blank = torch.zeros(settings.channels, *settings.image_size)
    return dict(default_collate([add_maps({"image": blank, "label": label})] * settings.batch_size))


def _cost_key(run: PlannedRun) -> str:
    """What a run's cost depends on: everything but seed, fold and the balance of the losses."""
    free = ("seed", "fold", "split_seed", "alpha_start", "alpha_end", "learning_rate", "betas")
    config: dict[str, Any] = {key: run.config[key] for key in run.config if key not in free}
    config.pop("run_dir", None)
    return json.dumps(config, sort_keys=True, default=str)
