"""A run killed for good after its second epoch, and how it goes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from medabl.engine import train
from medabl.runs import RunFolder
from tests.small_runs import same_weights, small_config

SETTINGS: dict[str, Any] = {
    "augmentation": [{"_target_": "RandGaussianNoised", "keys": "image", "prob": 0.5}],
    "slices_per_epoch": 19,
}
KILLED = """
import os, sys, yaml
from ignite.engine import Events
from medabl.engine import CheckpointHandler, train

save = CheckpointHandler.__call__

def save_and_die(self, engine):
    save(self, engine)
    if engine.state.epoch == 2:
        os.kill(os.getpid(), 9)

CheckpointHandler.__call__ = save_and_die
train(yaml.safe_load(open(sys.argv[1])))
"""


class Interrupted:
    """A copy of the killed run, of its data and of its split, to go on with: all were moved."""

    def __init__(self, root: Path, cohort: Path, split: Path, run: Path) -> None:
        self.data, self.split, self.run = root / "data", root / "s.json", root / "run"
        shutil.copytree(cohort, self.data)
        shutil.copytree(run, self.run)
        shutil.copy(split, self.split)

    def go_on(self, **overrides: Any) -> RunFolder:
        settings = {**SETTINGS, "split": str(self.split), **overrides}
        return train(small_config(self.data, self.run, **settings))


def same_run(one: RunFolder, other: RunFolder) -> bool:
    """All that a run leaves, but for places and times, bit for bit."""
    tables = ["epochs.csv", "evaluation/best_lesions.csv", "evaluation/last_lesions.csv"]
    with np.load(one.snapshots) as a, np.load(other.snapshots) as b:
        snapshots = all(np.array_equal(a[key], b[key]) for key in ("epochs", "probability"))
    return (
        snapshots
        and same_weights(one, other, "last")
        and same_weights(one, other, "best")
        and all((one.path / t).read_text() == (other.path / t).read_text() for t in tables)
    )
