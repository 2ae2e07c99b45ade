"""The `medabl` command: thin, one file a verb."""

from medabl.cli import evaluate, phantom, predict, report, reproduce, results, sweep, train
from medabl.cli.app import app

__all__ = [
    "app",
    "evaluate",
    "phantom",
    "predict",
    "report",
    "reproduce",
    "results",
    "sweep",
    "train",
]
