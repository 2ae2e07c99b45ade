"""How long the comparison takes: slices per second of training, and the whole table projected.

    python scripts/bench_training.py --data COHORT [--epochs 3] [--device auto] [--set key=value]

Trains one loss of the paper preset for a few epochs and reads the seconds of each from the run's
own log. The first epoch, which warms caches and kernels up, is left out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
import torch

from medabl.data import find_subjects
from medabl.engine import load_config, packaged_config, parse_overrides, train
from medabl.files import read_json

LOSSES, EPOCHS = 3, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with the subjects")
    parser.add_argument("--epochs", type=int, default=3, help="at least 2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--method", default="gdl_abl")
    parser.add_argument("--set", action="append", default=[], help="config override, key=value")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overrides = {
            **parse_overrides(arguments.set),
            "data": arguments.data,
            "run_dir": str(Path(folder) / "run"),
            "epochs": arguments.epochs,
            "device": arguments.device,
            "method": arguments.method,
        }
        config = load_config([packaged_config("wmh.yaml")], overrides)
        run = train(config)
        seconds = pd.read_csv(run.epochs)["seconds"].iloc[1:].median()
        split = read_json(run.path / "split.json")
    slices = {s.id: _slices(s.images) for s in find_subjects(arguments.data, config["modalities"])}
    trained = sum(slices[i] for i in split["train"])
    judged = sum(slices[i] for i in split["val"])
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{name}: {arguments.method}, {trained} slices trained and {judged} validated an epoch")
    print(f"{seconds:.1f} s an epoch, {(trained + judged) / seconds:.0f} slices/s")
    print(f"{LOSSES} losses x {EPOCHS} epochs: {LOSSES * EPOCHS * seconds / 60:.0f} min")


def _slices(images: dict[str, Path]) -> int:
    import nibabel as nib

    return int(nib.load(next(iter(images.values()))).shape[2])


if __name__ == "__main__":
    main()
