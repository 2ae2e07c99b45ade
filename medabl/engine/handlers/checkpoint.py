"""Checkpoints: resumed exactly, enough by themselves to predict with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events
from torch import nn

from medabl.processors import is_first_process
from medabl.runs import RunFolder, load_checkpoint, load_newest, save_checkpoint


class CheckpointHandler:
    """Keeps ``last.pt``, the one before it, and ``best.pt`` of a run, and resumes from the newest.

    ``last.pt`` holds everything that an uninterrupted run would carry into its next epoch;
    ``best.pt`` the network of the epoch with the best `metric`. Both carry the run's config and a
    recipe of network and preprocessing, so that `medabl predict` needs nothing else. Attach it
    after all handlers whose state it saves and after the `ValidationHandler`. Of several processes
    all resume and the first one saves.

    Args:
        folder: the run's folder.
        network: the network.
        state: further objects with ``state_dict`` and ``load_state_dict``.
        evaluator: the engine that validates.
        metric: name of the evaluator's metric that decides which epoch is best.
        higher_is_better: its direction.
    """

    def __init__(
        self,
        folder: RunFolder,
        network: nn.Module,
        state: Mapping[str, Any],
        evaluator: Engine,
        metric: str = "val_slice_dsc",
        higher_is_better: bool = True,
    ) -> None:
        self.folder = folder
        self.network = network
        self.state = dict(state)
        self.evaluator = evaluator
        self.metric = metric
        self.sign = 1.0 if higher_is_better else -1.0
        self.best: dict[str, Any] = {"epoch": 0, "metric": -self.sign * math.inf}
        self.description: dict[str, Any] = {"config": None, "recipe": None}

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, self._resume)
        if is_first_process():
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Save the epoch that just ended."""
        value = float(self.evaluator.state.metrics[self.metric])
        epoch = engine.state.epoch
        checkpoint = {"network": self.network.state_dict(), "epoch": epoch, **self.description}
        # The first epoch is the best so far, whatever its value: NaN beats nothing, later.
        if self.best["epoch"] == 0 or self.sign * value > self.sign * self.best["metric"]:
            self.best = {"epoch": epoch, "metric": value}
            save_checkpoint(self.folder.checkpoint("best"), {**checkpoint, "best": self.best})
        checkpoint["best"] = self.best
        checkpoint["state"] = {name: thing.state_dict() for name, thing in self._saved(engine)}
        save_checkpoint(self.folder.checkpoint("last"), checkpoint, keep_previous=True)

    def _resume(self, engine: Engine) -> None:
        checkpoint, _ = load_newest(self.folder.checkpoint("last"))
        if checkpoint is None:
            return
        self.network.load_state_dict(checkpoint["network"])
        for name, thing in self._saved(engine):
            if name in checkpoint["state"]:  # a run begun on the CPU has no scaler
                thing.load_state_dict(checkpoint["state"][name])
        # Of a later epoch, where the process was killed between the two files.
        self.best = load_checkpoint(self.folder.checkpoint("best"))["best"]
        engine.state.epoch = checkpoint["epoch"]
        engine.state.iteration = checkpoint["epoch"] * engine.state.epoch_length

    def _saved(self, engine: Engine) -> list[tuple[str, Any]]:
        scaler = getattr(engine, "scaler", None)
        return [*self.state.items(), *([("scaler", scaler)] if scaler is not None else [])]
