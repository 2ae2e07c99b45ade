"""Where a run stands, told from its own files alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from medabl.files import write_text
from medabl.runs import RunFolder, is_locked

State = Literal["pending", "running", "interrupted", "done", "failed", "stopped"]
"""``stopped``: ended early because it had collapsed."""

OVER: tuple[State, ...] = ("done", "failed", "stopped")
COLLAPSE = 0.1
"""A drop of the key metric, a Dice, that no one would call fluctuation."""

COLLAPSED_EPOCHS = 3
"""A run is stopped after so many epochs in a row below its best by `COLLAPSE`."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        state: where it stands.
        epoch: the last whole one.
        epochs: of how many.
        loss: mean training loss of that epoch, NaN before the first.
        metric: its key metric, likewise.
        best: the best value of the key metric so far.
        seconds: of a typical epoch.
        collapsed: whether the key metric has fallen and stayed far below its best.
        error: why it failed or was stopped.
    """

    state: State
    epoch: int
    epochs: int
    loss: float = np.nan
    metric: float = np.nan
    best: float = np.nan
    seconds: float = np.nan
    collapsed: bool = False
    error: str = ""

    @property
    def seconds_left(self) -> float:
        """Estimated time to the last epoch; 0 when it is over."""
        return 0.0 if self.state in OVER else (self.epochs - self.epoch) * self.seconds


def read_progress(folder: RunFolder, epochs: int, metric: str, higher_is_better: bool) -> Progress:
    """Read a run's state and the last line of its tables.

    Args:
        folder: the run's.
        epochs: how many it will have.
        metric: its task's key metric.
        higher_is_better: and its direction.
    """
    state, error = read_state(folder)
    table, timing = _table(folder, "epochs.csv"), _table(folder, "timing.csv")
    if table.empty or metric not in table:
        return Progress(state, 0, epochs, error=error)
    values = table[metric].to_numpy(dtype=float) * (1 if higher_is_better else -1)
    below = np.fmax.accumulate(values) - values > COLLAPSE
    return Progress(
        state=state,
        epoch=int(table["epoch"].iloc[-1]),
        epochs=epochs,
        loss=float(table["train_loss"].iloc[-1]),
        metric=float(table[metric].iloc[-1]),
        best=float(np.nanmax(values)) * (1 if higher_is_better else -1),
        seconds=float(timing["seconds"].median()) if len(timing) else np.nan,
        collapsed=len(below) > COLLAPSED_EPOCHS and bool(below[-COLLAPSED_EPOCHS:].all()),
        error=error,
    )


def read_state(folder: RunFolder) -> tuple[State, str]:
    """A run's state, and why it failed or was stopped.

    Raises:
        InputError: if the folder is no run's, or one of another version of medabl.
    """
    status = folder.status()
    if status in ("failed", "stopped"):
        return ("failed" if status == "failed" else "stopped"), folder.read_info().get("error", "")
    if status == "done":
        return "done", ""
    if is_locked(folder.path):
        return "running", ""
    if folder.error.is_file():
        return "failed", folder.error.read_text(encoding="utf-8").strip()
    return ("pending" if status == "absent" else "interrupted"), ""


def last_epoch(folder: RunFolder) -> int:
    """The last whole epoch of a run, 0 before the first."""
    table = _table(folder, "epochs.csv")
    return 0 if table.empty else int(table["epoch"].iloc[-1])


def forget_failure(folder: RunFolder) -> None:
    """Make a run that failed or was stopped one that was interrupted, for another try."""
    folder.error.unlink(missing_ok=True)
    if folder.status() in ("failed", "stopped"):
        folder.update(status="running")


def write_error(folder: RunFolder, error: str) -> None:
    """Keep why a run failed, beside its log."""
    write_text(folder.error, error + "\n")


def _table(folder: RunFolder, name: str) -> pd.DataFrame:
    path = folder.path / name
    try:
        return pd.read_csv(path)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return pd.DataFrame()
