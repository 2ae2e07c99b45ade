"""The table of a run's epochs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pandas as pd
from ignite.engine import Engine, Events
from torch import nn
from torch.optim import Optimizer

from medabl.files import atomic_path
from medabl.processors import is_first_process
from medabl.runs import RunFolder


class EpochLogHandler:
    """Writes ``epochs.csv``, a row an epoch, and ``timing.csv``; whole after every one.

    Columns of ``epochs.csv``: epoch, train_loss, alpha (if the loss has one), lr, weight_NAME for
    every loss of a sum, and every metric of the evaluator. Attach it after the
    `ValidationHandler`. Rows that a resumed run is about to repeat are dropped.

    Args:
        folder: the run's folder.
        evaluator: the engine that validates.
        loss: its ``alpha`` and its ``weights`` are recorded, if it has any.
        optimizer: its first learning rate is recorded.
    """

    def __init__(
        self, folder: RunFolder, evaluator: Engine, loss: nn.Module, optimizer: Optimizer
    ) -> None:
        self.folder = folder
        self.evaluator = evaluator
        self.loss = loss
        self.optimizer = optimizer
        self.rows: list[dict[str, Any]] = []
        self.times: list[dict[str, Any]] = []
        self._start = 0.0
        self._learning_rate = 0.0

    def attach(self, engine: Engine) -> None:
        """Register with a trainer, of several processes the first one's."""
        if not is_first_process():
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Append the epoch that just ended and write the tables."""
        epoch = engine.state.epoch
        weights: dict[str, float] = getattr(self.loss, "weights", {})
        self.rows.append(
            {
                "epoch": epoch,
                "train_loss": float(engine.state.metrics["train_loss"]),
                "alpha": float(getattr(self.loss, "alpha", math.nan)),
                "lr": self._learning_rate,
                **{f"weight_{name}": weight for name, weight in weights.items()},
                **{name: float(value) for name, value in self.evaluator.state.metrics.items()},
            }
        )
        self.times.append({"epoch": epoch, "seconds": time.perf_counter() - self._start})
        _write(self.folder.epochs, self.rows)
        _write(self.folder.timing, self.times)

    def _begin(self, engine: Engine) -> None:
        self._start = time.perf_counter()
        self._learning_rate = self.optimizer.param_groups[0]["lr"]
        if not self.rows:
            self.rows = _rows_before(self.folder.epochs, engine.state.epoch)
            self.times = _rows_before(self.folder.timing, engine.state.epoch)


def _rows_before(path: Path, epoch: int) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    table = pd.read_csv(path, float_precision="round_trip")
    return [
        {str(k): v for k, v in row.items()}
        for row in table.to_dict("records")
        if row["epoch"] < epoch
    ]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
