"""The folder of a run: what it is called, where it stands, how it was made."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import torch

from medabl.data import Split
from medabl.errors import InputError
from medabl.files import read_json, write_json

_PACKAGES = ("medabl", "torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "edt")

Which = Literal["best", "last"]


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run folder.

    Args:
        path: the folder.
    """

    path: Path

    @classmethod
    def at(cls, path: str | Path | None) -> RunFolder:
        """The run folder at a path.

        Raises:
            InputError: if there is no path.
        """
        if not path:
            raise InputError("run_dir is not set: say where the run goes, run_dir=FOLDER.")
        return cls(Path(path).expanduser())

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def info(self) -> Path:
        """Name, method, seed, fold and status of the run."""
        return self.path / "run.json"

    @property
    def epochs(self) -> Path:
        """A row an epoch."""
        return self.path / "epochs.csv"

    @property
    def snapshots(self) -> Path:
        """One lesion's probability map after every epoch."""
        return self.path / "snapshots.npz"

    def checkpoint(self, which: Which) -> Path:
        """Checkpoint of the best or the last epoch."""
        return self.path / "checkpoints" / f"{which}.pt"

    def evaluation(self, which: Which) -> Path:
        """Per-subject metrics of the best or the last epoch."""
        return self.path / "evaluation" / f"{which}.csv"

    def prediction(self, which: Which, stem: str) -> Path:
        """A subject's predicted mask."""
        return self.path / "predictions" / which / f"{stem}.nii.gz"

    def status(self) -> str:
        """``absent``, ``running`` (or interrupted) or ``done``.

        Raises:
            InputError: if the folder holds something that is no run.
        """
        if self.info.is_file():
            return str(read_json(self.info)["status"])
        if self.path.exists() and (self.path.is_file() or any(self.path.iterdir())):
            if self.config.is_file():
                return "running"
            raise InputError(f"{self.path} exists and is no run folder; choose another one.")
        return "absent"

    def describe(self, info: Mapping[str, Any], split: Split) -> None:
        """Write ``run.json`` (status ``running``), ``split.json`` and ``environment.json``."""
        write_json(self.info, {"name": self.path.name, **info, "status": "running"})
        write_json(self.path / "split.json", split)
        write_json(self.path / "environment.json", _environment())

    def finish(self) -> None:
        """Set the status to ``done``."""
        write_json(self.info, {**read_json(self.info), "status": "done"})


def _environment() -> dict[str, Any]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "versions": versions,
    }
