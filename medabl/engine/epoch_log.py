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

COLUMNS = (
    "epoch",
    "train_loss",
    "alpha",
    "lr",
    "val_slice_dsc",
    "val_slice_hd_rows",
    "seconds",
)


class EpochLogHandler:
    """Writes ``epochs.csv``: a row an epoch, whole after every one.

    Attach it after the `ValidationHandler`, whose metrics it records. Rows that a resumed run is
    about to repeat are dropped.

    Args:
        path: the CSV file.
        evaluator: the engine that validates.
        loss: its ``alpha`` is recorded, if it has one.
        optimizer: its first learning rate is recorded.
    """

    def __init__(self, path: str | Path, evaluator: Engine, loss: nn.Module, optimizer: Optimizer):
        self.path = Path(path)
        self.evaluator = evaluator
        self.loss = loss
        self.optimizer = optimizer
        self.rows: list[dict[str, Any]] = []
        self._start = 0.0

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Append the epoch that just ended and write the table."""
        alpha = getattr(self.loss, "alpha", math.nan)
        self.rows.append(
            {
                "epoch": engine.state.epoch,
                "train_loss": float(engine.state.metrics["train_loss"]),
                "alpha": float(alpha),
                "lr": self.optimizer.param_groups[0]["lr"],
                **{k: float(v) for k, v in self.evaluator.state.metrics.items() if k in COLUMNS},
                "seconds": time.perf_counter() - self._start,
            }
        )
        with atomic_path(self.path) as temporary:
            pd.DataFrame(self.rows, columns=COLUMNS).to_csv(temporary, index=False)

    def _begin(self, engine: Engine) -> None:
        self._start = time.perf_counter()
        if not self.rows and self.path.is_file():
            table = pd.read_csv(self.path)
            self.rows = table[table["epoch"] < engine.state.epoch].to_dict("records")
