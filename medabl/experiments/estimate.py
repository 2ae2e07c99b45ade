"""How long runs will take and how much memory, told before they begin."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from medabl.data import Cohort
from medabl.data.axes import axes_with_slices_last
from medabl.data.nifti import read_nifti
from medabl.engine import TargetLoss, find_cohort, settings_of
from medabl.engine.batch import Target
from medabl.engine.build import parse
from medabl.experiments.plan import PlannedRun
from medabl.processors import peak_memory

_STEPS = 3
# A training step takes so much longer than a step of the validation, which has no backward pass.
_BACKWARD = 3.0


@dataclass(frozen=True)
class Estimate:
    """Cost of one run.

    Attributes:
        seconds: of its training.
        gigabytes: of memory, NaN where finished runs told the time and nothing was measured.
        measured: whether finished runs told, rather than a few timed steps.
    """

    seconds: float
    gigabytes: float
    measured: bool


def estimate_all(runs: Sequence[PlannedRun]) -> list[Estimate]:
    """What each run costs; runs that cost the same are timed once.

    Raises:
        InputError: if a data set cannot be used, or a run cannot be built.
    """
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
        seconds = [
            float(pd.read_csv(other.folder.timing)["seconds"].median()) * other.config["epochs"]
            for other in alike
        ]
        return Estimate(float(np.median(seconds)), float("nan"), True)
    return _timed(run, cohort)


def _timed(run: PlannedRun, cohort: Cohort) -> Estimate:
    settings = settings_of(run.config)
    scan = next(iter(cohort.subjects[0].images.values()))
    slices = read_nifti(scan).data.shape[axes_with_slices_last(settings.slice_axis)[-1]]
    parser = parse(run.config, settings, cohort)
    torch.manual_seed(0)
    network = parser.get_parsed_content("placed_network").train()
    optimizer = parser.get_parsed_content("optimizer")
    device = parser.get_parsed_content("torch_device")
    loss = TargetLoss(parser.get_parsed_content("loss")).to(device)
    shape = (settings.batch_size, len(settings.modalities), *settings.image_size)
    image = torch.rand(shape, device=device)
    label = (torch.rand((shape[0], 1, *shape[2:]), device=device) > 0.99).float()
    seconds = []
    for _ in range(_STEPS + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss(network(image), Target(label, {})).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    step = float(np.median(seconds[1:]))
    train = settings.slices_per_epoch or slices * len(cohort.train)
    batches = train / settings.batch_size
    validation = slices * len(cohort.val) / settings.batch_size / _BACKWARD
    voxels = slices * (len(cohort.train) + len(cohort.val)) * int(np.prod(settings.image_size))
    held = voxels * (len(settings.modalities) * 4 + 1 + 8)  # images, label, distance maps
    memory = ((peak_memory() or 0) + held) / 2**30
    return Estimate(settings.epochs * (batches + validation) * step, memory, False)


def _cost_key(run: PlannedRun) -> str:
    """What a run's cost depends on: everything but seed, fold and the balance of the losses."""
    free = ("seed", "fold", "split_seed", "alpha_start", "alpha_end", "learning_rate", "betas")
    config: dict[str, Any] = {key: run.config[key] for key in run.config if key not in free}
    config.pop("run_dir", None)
    return json.dumps(config, sort_keys=True, default=str)
