"""The run folder: names and formats of its files, its lock, its checkpoints.

Written by `medabl.engine`, read by `medabl.report` and `medabl.experiments`.
"""

from medabl.runs.checkpoints import load_checkpoint, load_newest, save_checkpoint
from medabl.runs.environment import environment
from medabl.runs.folder import FORMAT, WHICH, RunFolder, Which
from medabl.runs.lock import is_locked, locked

__all__ = [
    "FORMAT",
    "WHICH",
    "RunFolder",
    "Which",
    "environment",
    "is_locked",
    "load_checkpoint",
    "load_newest",
    "locked",
    "save_checkpoint",
]
