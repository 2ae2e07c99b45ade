"""Where a run stands, told from its own files alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from medabl.files import write_text
from medabl.runs import RunFolder, is_locked
from medabl.statistics.collapse import has_fallen

State = Literal["pending", "running", "interrupted", "done", "failed", "stopped"]
"""``stopped``: ended early because it had collapsed."""

OVER: tuple[State, ...] = ("done", "failed", "stopped")
COLLAPSED_EPOCHS = 3
"""A run has collapsed when it has lain far below its best for so many epochs in a row."""

_LEARNING = 0.25  # the share of the epochs in which a run may still be finding its way


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
        diverged: whether the loss became NaN or infinite.
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
    diverged: bool = False
    error: str = ""

    @property
    def seconds_left(self) -> float:
        """Estimated time to the last epoch; 0 when it is over."""
        return 0.0 if self.state in OVER else (self.epochs - self.epoch) * self.seconds

    @property
    def flag(self) -> str:
        """``collapsed``, ``diverged`` (its loss is no number any more) or nothing."""
        return "diverged" if self.diverged else "collapsed" if self.collapsed else ""

    @property
    def hopeless(self) -> bool:
        """Whether it has collapsed for good: not while it begins to learn, and not at its end.

        A network that predicts nothing, as some do at first, scores on every empty slice.
        """
        return self.collapsed and _LEARNING * self.epochs < self.epoch < self.epochs


def read_progress(folder: RunFolder, epochs: int, metric: str, higher_is_better: bool) -> Progress:
    """Read a run's state and the last line of its tables.

    Args:
        folder: the run's.
        epochs: how many it will have.
        metric: its task's key metric.
        higher_is_better: and its direction.
    """
    state, error = read_state(folder)
    # Only an engine says so in the run's description; what else may happen is in error.txt.
    diverged = folder.status() == "failed"
    table, timing = _table(folder.epochs), _table(folder.timing)
    if table.empty or metric not in table:
        return Progress(state, 0, epochs, diverged=diverged, error=error)
    values = table[metric].to_numpy(dtype=float)
    best = (np.fmax if higher_is_better else np.fmin).reduce(values)
    newest = values[-COLLAPSED_EPOCHS:]
    fallen = [has_fallen(values[0], best, value, higher_is_better) for value in newest]
    return Progress(
        state=state,
        epoch=int(table["epoch"].iloc[-1]),
        epochs=epochs,
        loss=float(table["train_loss"].iloc[-1]),
        metric=float(table[metric].iloc[-1]),
        best=float(best),
        seconds=float(timing["seconds"].median()) if len(timing) else np.nan,
        collapsed=len(values) > COLLAPSED_EPOCHS and all(fallen),
        diverged=diverged,
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
    table = _table(folder.epochs)
    return 0 if table.empty else int(table["epoch"].iloc[-1])


def forget_failure(folder: RunFolder) -> None:
    """Make a run that failed or was stopped one that was interrupted, for another try."""
    folder.error.unlink(missing_ok=True)
    if folder.status() in ("failed", "stopped"):
        folder.update(status="running")


def mark_stopped(folder: RunFolder, progress: Progress) -> None:
    """Keep in a run's description that it was ended because it had collapsed."""
    error = (
        f"Stopped in epoch {progress.epoch}: its key metric had fallen from"
        f" {progress.best:.3f} to {progress.metric:.3f}."
    )
    folder.error.unlink(missing_ok=True)
    folder.update(status="stopped", error=error)


def write_error(folder: RunFolder, error: str) -> None:
    """Keep why a run failed, beside its log."""
    write_text(folder.error, error + "\n")


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return pd.DataFrame()
