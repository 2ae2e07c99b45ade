"""An epoch of medabl's training beside a plain PyTorch loop over the same tensors and network.

    python scripts/bench_training.py [--data COHORT] [--epochs 5] [--widths 8,64] [--markdown]
                                     [--device auto] [--method gdl_abl] [--set key=value]

Both train in one process, in turns, an epoch each, from the same weights in the same order: ours
with its engine, handlers and data loader, the plain loop by indexing one tensor of all slices. The
first epoch of either is left out. Where ours spends its epoch is measured in a further run, whose
network, loss and optimiser are timed from within: *outside* is the share of an epoch's training
(validation apart) that is none of forward, loss, backward and step. *Start-up* is the time from the
command to the first step in a process of its own, with the data cached. Without `--data` phantom
subjects are made.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.bundle import ConfigParser

from medabl.engine import TargetLoss, find_cohort, load_config, parse_overrides, settings_of
from medabl.engine.batch import Target
from medabl.engine.build import parse
from medabl.phantom import write_phantom_cohort

FIRST_STEP = """
import os, time
from torch.optim.optimizer import register_optimizer_step_post_hook
from medabl.cli import app

def end(*_):
    print(time.time(), flush=True)
    os._exit(0)

register_optimizer_step_post_hook(end)
app()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the subjects")
    parser.add_argument("--epochs", type=int, default=5, help="at least 2; one is left out")
    parser.add_argument("--widths", default="8,64")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--method", default="gdl_abl")
    parser.add_argument("--set", action="append", default=[], help="config override, key=value")
    parser.add_argument("--markdown", action="store_true", help="rows for docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data or Path(folder) / "phantom"
        if arguments.data is None:
            write_phantom_cohort(data, subjects=4, seed=0, size="full")
        for width in map(int, arguments.widths.split(",")):
            overrides = {
                "validation": 1,
                **parse_overrides(arguments.set),
                "data": str(data),
                "run_dir": str(Path(folder) / f"run{width}"),
                "cache_dir": str(Path(folder) / "cache"),
                "epochs": 10_000,
                "device": arguments.device,
                "method": arguments.method,
                "width": width,
            }
            report(load_config(["wmh.yaml"], overrides), arguments.epochs, arguments.markdown)


def report(config: dict[str, Any], epochs: int, markdown: bool) -> None:
    ours = Ours(config)
    plain = Plain(config, ours.slices)
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    for epoch in range(epochs):
        # In turns, and each begins every other time: what else the machine does hits both.
        for name, train in [("ours", ours.epoch), ("plain", plain.epoch)][:: 1 - 2 * (epoch % 2)]:
            seconds[name].append(timed(train))
    a, b = (float(np.median(seconds[name][1:])) for name in ("ours", "plain"))
    ratio = float(np.median(np.divide(seconds["plain"][1:], seconds["ours"][1:])))
    share = outside(config, epochs)
    start = start_up(config)
    n, width = ours.slices, config["width"]
    rates = (f"{n / a:.1f}", f"{n / b:.1f}", f"{ratio:.2f}", f"{share:.1%}", f"{start:.1f} s")
    if markdown:
        print(f"| {width} | {' | '.join(rates)} |", flush=True)
    else:
        print(f"width {width}: {rates[0]} slices/s, the plain loop {rates[1]}, ratio {rates[2]}")
        print(f"  outside {rates[3]}, first step after {rates[4]}", flush=True)


class Ours:
    """The trainer as a run builds it, without validation; an epoch at a time."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.parser = built(config)
        self.trainer = self.parser.get_parsed_content("trainer")
        self.slices = len(self.parser.get_parsed_content("train_order"))
        keep_training_only(self.trainer)

    def epoch(self) -> None:
        self.trainer.state.max_epochs = self.trainer.state.epoch + 1
        self.trainer.run()


class Plain:
    """What one would write without any library."""

    def __init__(self, config: dict[str, Any], slices: int) -> None:
        self.slices = slices
        parser = built(config)
        self.device = parser.get_parsed_content("torch_device")
        self.network = parser.get_parsed_content("placed_network")
        self.optimizer = parser.get_parsed_content("optimizer")
        self.loss = TargetLoss(parser.get_parsed_content("loss")).to(self.device)
        self.autocast = parser.get_parsed_content("autocast")
        self.format = parser.get_parsed_content("memory_format")
        self.batch = config["batch_size"]
        samples = list(parser.get_parsed_content("train_data"))
        maps = [key for key in samples[0] if key.endswith("_map")]
        self.tensors = {
            key: torch.stack([torch.as_tensor(sample[key]) for sample in samples])
            for key in ("image", "label", *maps)
        }

    def epoch(self) -> None:
        self.network.train()
        order = torch.randperm(len(self.tensors["image"]))[: self.slices]
        for indices in order.split(self.batch):
            drawn = {key: value[indices].to(self.device) for key, value in self.tensors.items()}
            image = drawn.pop("image").to(memory_format=self.format)
            label = drawn.pop("label")
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast(self.device.type, enabled=self.autocast.enabled,
                                **self.autocast.options):  # fmt: skip
                loss = self.loss(self.network(image), Target(label, drawn))
            loss.backward()
            self.optimizer.step()


def outside(config: dict[str, Any], epochs: int) -> float:
    """The share of ours that is none of forward, loss, backward and step, first epoch left out."""
    ours = Ours(config)
    network = ours.parser.get_parsed_content("placed_network")
    optimizer = ours.parser.get_parsed_content("optimizer")
    begun, spent = [0.0], [0.0]

    def begin(*_: Any) -> None:
        begun[0] = clock()

    def end(*_: Any) -> None:
        spent[0] += clock() - begun[0]

    # A step is one stretch: the network is called first and the optimiser last.
    network.register_forward_pre_hook(begin)
    optimizer.register_step_post_hook(end)
    ours.epoch()
    spent[0] = 0.0
    whole = sum(timed(ours.epoch) for _ in range(epochs - 1))
    return 1 - spent[0] / whole


def start_up(config: dict[str, Any]) -> float:
    """Seconds from the command to the end of the first step, in a process of its own."""
    keys = ("data", "cache_dir", "device", "method", "width", "validation")
    settings = [f"{key}={config[key]}" for key in keys]
    command = [sys.executable, "-c", FIRST_STEP, "train", "wmh.yaml", *settings]
    start = time.time()
    done = subprocess.run(
        [*command, f"run_dir={config['run_dir']}-start"], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1]) - start


def built(config: dict[str, Any]) -> ConfigParser:
    settings = settings_of(config)
    parser = parse(config, settings, find_cohort(settings))
    parser.get_parsed_content("initialize")
    return parser


def keep_training_only(trainer: Any) -> None:
    """Take the handlers off that work once an epoch: validation, figures, checkpoints."""
    for handler, *_ in list(trainer._event_handlers[Events.EPOCH_COMPLETED]):
        trainer.remove_event_handler(handler, Events.EPOCH_COMPLETED)


def timed(work: Callable[[], None]) -> float:
    start = clock()
    work()
    return clock() - start


def clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
