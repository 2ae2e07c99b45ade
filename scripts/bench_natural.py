"""What natural images cost: evaluating a validation set, and what ABL adds to a training step.

    python scripts/bench_natural.py [--images 500] [--workers 2] [--repeats 5] [--threads N]

Label pictures of Cityscapes' size (1024 x 2048, 19 classes, void along the lower edge) are written
to a temporary folder, twenty distinct ones that the others are links to, and evaluated from there
by `medabl evaluate`: IoU, accuracy, and the boundary F-scores at 1, 3 and
5 pixels, published and strict, class by class. A step is one of DeepLabV3-ResNet50 with SGD on two
crops of 512 x 512, main and auxiliary output; CE + IoU, CE + IABL and ABL alone take turns, medians
of CPU seconds, which other work on the machine disturbs less than the clock.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from bench_edt import describe
from bench_losses import regions
from bench_metrics import street
from PIL import Image

from medabl.engine import AuxiliaryLoss, packaged_config
from medabl.geometry import boundary_distance
from medabl.losses import ActiveBoundaryLoss, CrossEntropyLoss, LovaszSoftmaxLoss, ScheduledSum
from medabl.networks import DeepLabV3ResNet50
from medabl.task import Task

DISTINCT = 20
FLAGS = {"softmax": True, "to_onehot_y": True, "ignore_index": 255}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500, help="0: leave the evaluation out")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="0: leave the steps out")
    parser.add_argument("--threads", type=int, help="of a training step (default: torch's choice)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(describe(torch.device("cpu")))
    if arguments.images:
        evaluation(arguments.images, arguments.workers)
    if arguments.repeats:
        training_step(arguments.repeats)


def evaluation(images: int, workers: int) -> None:
    """`medabl evaluate` as a user calls it, on so many names of a few distinct pictures."""
    text = packaged_config("cityscapes.yaml").read_text(encoding="utf-8")
    task = Task.model_validate(yaml.safe_load(text)["task"])
    with tempfile.TemporaryDirectory() as name:
        places = {side: Path(name, side) for side in ("distinct", "pred", "ref")}
        for place in places.values():
            place.mkdir()
        pairs = [write_pair(places["distinct"], seed, task) for seed in range(DISTINCT)]
        for number in range(images):
            for side, file in zip(("pred", "ref"), pairs[number % DISTINCT], strict=True):
                (places[side] / f"{number:04d}.png").symlink_to(file)
        command = [sys.executable, "-m", "medabl", "evaluate", "--task", "cityscapes.yaml"]
        command += ["--pred", places["pred"], "--ref", places["ref"], "--workers", str(workers)]
        begin, before = time.perf_counter(), children_seconds()
        subprocess.run(command, check=True)
        seconds, cpu = time.perf_counter() - begin, children_seconds() - before
    # The workers of several processes are nobody's children whose time could be asked for.
    own = f", {cpu / 60:.1f} min of CPU time" if workers == 1 else ""
    print(
        f"{images} label pictures of 1024 x 2048, {workers} process(es):"
        f" {seconds / 60:.1f} min{own}",
        flush=True,
    )


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write_pair(folder: Path, seed: int, task: Task) -> tuple[Path, Path]:
    pred, ref = street(seed)
    values = task.to_labels(np.arange(len(task.classes), dtype=np.uint8))
    paths = folder / f"pred{seed}.png", folder / f"ref{seed}.png"
    for path, classes in zip(paths, (pred, ref), strict=True):
        labels = np.where(classes == 255, 0, values[np.where(classes == 255, 0, classes)])
        Image.fromarray(labels.astype(np.uint8)).save(path)
    return paths


def training_step(repeats: int) -> None:
    torch.manual_seed(0)
    size = (2, 19, 512, 512)
    images, labels = torch.randn(2, 3, 512, 512), regions(size).argmax(1, keepdim=True)
    maps = {"distance_map": boundary_distance(labels)}
    terms = {"ce": {"loss": CrossEntropyLoss(**FLAGS)}, "iou": {"loss": LovaszSoftmaxLoss(**FLAGS)}}
    abl = {"abl": {"loss": ActiveBoundaryLoss(**FLAGS), "weight": 1.5}}
    losses = {
        "CE + IoU": AuxiliaryLoss(ScheduledSum(terms)),
        "CE + IABL": AuxiliaryLoss(ScheduledSum({**terms, **abl})),
    }
    network = DeepLabV3ResNet50(19).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    alone = AuxiliaryLoss(ScheduledSum(abl))
    logits = [regions(size).requires_grad_() for _ in range(2)]

    def step(name: str) -> None:
        optimizer.zero_grad()
        given = maps if name == "CE + IABL" else {}
        losses[name](network(images), labels, **given).backward()
        optimizer.step()

    timed = {name: partial(step, name) for name in losses}
    timed["ABL alone, of both outputs"] = lambda: alone(logits, labels, **maps).backward()
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for repeat in range(repeats + 1):
        for name, function in timed.items():
            begin = time.process_time()
            function()
            if repeat:  # the first one warms up
                seconds[name].append(time.process_time() - begin)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    plain = medians["CE + IoU"]
    print("DeepLabV3 step, 2 x 3 x 512 x 512, CPU seconds:")
    for name, median in medians.items():
        print(f"  {name}: {median:.2f}, {100 * median / plain:.1f} % of a step with CE + IoU")


if __name__ == "__main__":
    main()
