"""The best and the last epoch of a run's log."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medabl.report.runs import Run


def validated_epochs(run: Run) -> pd.DataFrame:
    """Give the rows of a run's log that hold its key metric, as numbers; empty without a log."""
    if run.epochs is None:
        return pd.DataFrame()
    values = pd.to_numeric(run.epochs[run.key_metric], errors="coerce")
    return run.epochs[np.isfinite(values)]


def epoch_of(run: Run, checkpoint: str) -> pd.Series | None:
    """Give the row of a checkpoint's epoch in a run's log.

    The best epoch is the one with the best key metric, the first of equals.

    Args:
        run: any run.
        checkpoint: ``"best"`` or ``"last"``.

    Returns:
        None without a log, without a value of the key metric, or for another checkpoint.
    """
    epochs = validated_epochs(run)
    if epochs.empty or checkpoint not in ("best", "last"):
        return None
    if checkpoint == "last":
        return epochs.iloc[-1]
    values = epochs[run.key_metric].to_numpy(dtype=float)
    return epochs.iloc[int(values.argmax() if run.higher_is_better else values.argmin())]
