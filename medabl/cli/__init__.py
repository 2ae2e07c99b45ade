"""The `medabl` command: thin, one file a verb."""

from medabl.cli import (
    bundle,
    convert,
    evaluate,
    inspect,
    phantom,
    predict,
    recommend,
    report,
    reproduce,
    results,
    sweep,
    train,
)
from medabl.cli.app import app

__all__ = [
    "app",
    "bundle",
    "convert",
    "evaluate",
    "inspect",
    "phantom",
    "predict",
    "recommend",
    "report",
    "reproduce",
    "results",
    "sweep",
    "train",
]
