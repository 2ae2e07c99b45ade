"""Runs that wait after some epochs until a test lets them go on: on any machine, however busy."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from monai.transforms import RandomizableTransform

from medabl.experiments.state import last_epoch
from medabl.files import write_text
from medabl.runs import RunFolder

SETTINGS = {"image_size": [32, 32], "width": 2, "validation": 2, "device": "cpu"}


class Hold(RandomizableTransform):
    """A sample as it is, but not before `let_go` has allowed its epoch.

    It draws nothing: what is drawn anew every epoch is not cached.

    Args:
        run_dir: the run's folder.
        epochs: how many whole epochs it may do without being let go.
    """

    def __init__(self, run_dir: str | Path, epochs: int) -> None:
        super().__init__(prob=1.0)
        self.run = RunFolder.at(run_dir)
        self.epochs = epochs

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """The sample."""
        while last_epoch(self.run) >= self._allowed():
            self.wait()
        return data

    def wait(self) -> None:
        """What it does until it is let go."""
        time.sleep(0.05)

    def _allowed(self) -> int:
        file = _file(self.run)
        return int(file.read_text()) if file.is_file() else self.epochs


def let_go(run: RunFolder, epochs: int = 10**6) -> None:
    """Allow a run so many whole epochs, counted from its first."""
    write_text(_file(run), str(epochs))


def write_held_config(path: Path, epochs: int) -> Path:
    """A config whose runs wait after so many whole epochs."""
    hold = {"_target_": f"{__name__}.Hold", "run_dir": "@run_dir", "epochs": epochs}
    path.write_text(yaml.safe_dump({"augmentation": [hold]}))
    return path


def write_sweep(path: Path, data: Path, runs: list[dict[str, Any]], *configs: Path) -> Path:
    """A sweep file of tiny runs."""
    content = {
        "base": ["wmh.yaml", *map(str, configs)],
        "set": {**SETTINGS, "data": str(data)},
        "list": runs,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def _file(run: RunFolder) -> Path:
    return run.path / "allowed.txt"
