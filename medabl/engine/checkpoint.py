"""Checkpoints: written whole, resumed exactly, enough by themselves to predict with."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from medabl.engine.run_folder import RunFolder
from medabl.errors import InputError
from medabl.files import atomic_path

_HARDLY_ANYTHING = 2**20


class CheckpointHandler:
    """Keeps ``last.pt`` and ``best.pt`` of a run, and resumes from the former.

    ``last.pt`` holds everything that an uninterrupted run would carry into its next epoch;
    ``best.pt`` the network of the epoch with the highest `metric`. Both carry the run's config,
    so that `medabl predict` needs nothing else. Attach it after all handlers whose state it saves
    and after the `ValidationHandler`.

    Args:
        folder: the run's folder.
        network: the network.
        state: further objects with ``state_dict`` and ``load_state_dict``.
        evaluator: the engine that validates.
        metric: name of the evaluator's metric that decides which epoch is best.
    """

    def __init__(
        self,
        folder: RunFolder,
        network: nn.Module,
        state: Mapping[str, Any],
        evaluator: Engine,
        metric: str = "val_slice_dsc",
    ) -> None:
        self.folder = folder
        self.network = network
        self.state = dict(state)
        self.evaluator = evaluator
        self.metric = metric
        self.best: dict[str, Any] = {"epoch": 0, "metric": -1.0}

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, self._resume)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Save the epoch that just ended."""
        value = float(self.evaluator.state.metrics[self.metric])
        epoch = engine.state.epoch
        checkpoint = {
            "network": self.network.state_dict(),
            "epoch": epoch,
            "config": self._config(),
        }
        if value > self.best["metric"]:
            self.best = {"epoch": epoch, "metric": value}
            _save(self.folder.checkpoint("best"), {**checkpoint, "best": self.best})
        checkpoint["best"] = self.best
        checkpoint["state"] = {name: thing.state_dict() for name, thing in self._saved(engine)}
        _save(self.folder.checkpoint("last"), checkpoint)

    def _resume(self, engine: Engine) -> None:
        path = self.folder.checkpoint("last")
        if not path.is_file():
            return
        checkpoint = load_checkpoint(path)
        self.network.load_state_dict(checkpoint["network"])
        for name, thing in self._saved(engine):
            if name in checkpoint["state"]:  # a run begun on the CPU has no scaler
                thing.load_state_dict(checkpoint["state"][name])
        self.best = checkpoint["best"]
        engine.state.epoch = checkpoint["epoch"]
        engine.state.iteration = checkpoint["epoch"] * engine.state.epoch_length

    def _saved(self, engine: Engine) -> list[tuple[str, Any]]:
        scaler = getattr(engine, "scaler", None)
        return [*self.state.items(), *([("scaler", scaler)] if scaler is not None else [])]

    def _config(self) -> str | None:
        # Without `medabl train`, say under monai.bundle, nobody wrote the config down.
        path = self.folder.config
        return path.read_text(encoding="utf-8") if path.is_file() else None


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; only tensors and plain values are unpickled.

    Raises:
        InputError: if there is none, or the file is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        missing = {"network", "epoch", "config"} - set(checkpoint)
    except Exception as error:  # torch raises whatever the broken bytes lead to
        raise InputError(f"{path} cannot be read as a checkpoint ({error}).") from error
    if missing:
        raise InputError(f"{path} is not a medabl checkpoint: it has no {sorted(missing)[0]!r}.")
    return dict(checkpoint)


def _save(path: Path, checkpoint: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        try:
            torch.save(checkpoint, temporary)
        except RuntimeError as error:
            # torch's writer says "unexpected pos" and the like when the disk is full.
            if shutil.disk_usage(path.parent).free > _HARDLY_ANYTHING:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
