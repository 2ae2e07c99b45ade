"""Where the distance map of a 3D patch is cheaper: in the data pipeline, or in the loss.

    python scripts/bench_patches.py [--data COHORT] [--set key=value] [--repeats 7] [--threads 1]
                                    [--device auto]

Times, on `wmh3d.yaml`: a training sample (a patch of a volume) with and without its map, and a
training step of the network with the map given and with the loss computing it, for every output
that it takes the boundary of. Medians, in turns. Without `--data` phantom subjects are made.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from bench_edt import wait
from monai.data import list_data_collate

from medabl.engine import (
    TargetLoss,
    find_cohort,
    load_config,
    parse_overrides,
    prepare_training_batch,
    settings_of,
)
from medabl.engine.batch import Target
from medabl.engine.build import parse
from medabl.phantom import write_phantom_cohort


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the subjects")
    parser.add_argument("--set", action="append", default=[], help="config override, key=value")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data or Path(folder) / "phantom"
        if arguments.data is None:
            write_phantom_cohort(data, subjects=3, seed=0, size="full")
        places = {"data": str(data), "run_dir": str(Path(folder) / "run")}
        overrides = {"validation": 1, "device": arguments.device, "num_workers": 0}
        config = load_config(
            ["wmh3d.yaml"], {**overrides, **places, **parse_overrides(arguments.set)}
        )
        medians = measure(config, arguments.repeats)
    for name, seconds in medians.items():
        print(f"{name:40} {1000 * seconds:8.1f} ms")


def measure(config: dict[str, object], repeats: int) -> dict[str, float]:
    settings = settings_of(config)
    cohort = find_cohort(settings)
    parser = parse(config, settings, cohort)
    plain = parse({**config, "boundary_distance": []}, settings, cohort)
    with_map, without = (p.get_parsed_content("train_data") for p in (parser, plain))
    network = parser.get_parsed_content("placed_network").train()
    device = parser.get_parsed_content("torch_device")
    loss = TargetLoss(parser.get_parsed_content("step_loss")).to(device)
    batch = list_data_collate([with_map[index][0] for index in range(settings.batch_size)])
    image, target = prepare_training_batch(
        batch, device, memory_format=parser.get_parsed_content("memory_format")
    )

    def step(target: Target) -> None:
        network.zero_grad()
        loss(network(image), target).backward()
        wait(image)

    def loss_alone(target: Target) -> None:
        logits = outputs.detach().requires_grad_()
        loss(logits, target).backward()
        wait(image)

    outputs = network(image)
    bare = Target(target.label, {})
    return in_turns(
        {
            "a sample without its map": lambda: without[0],
            "a sample with its map": lambda: with_map[0],
            "a step, map given": lambda: step(target),
            "a step, map in the loss": lambda: step(bare),
            "the loss of a step, map given": lambda: loss_alone(target),
            "the loss of a step, map in the loss": lambda: loss_alone(bare),
        },
        repeats,
    )


def in_turns(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of every job."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
