"""A process that carries out runs, one after another, each told as the path of its folder.

    python -m medabl.experiments.worker

It reads a path a line from standard input and answers each with a line when the run is over. What a
run prints goes to its ``log.txt``, why it failed to ``error.txt``. When standard input ends, since
whoever started the worker is gone, so is the worker, in the middle of a run if need be.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from medabl.engine import train
from medabl.errors import DivergedError, InputError
from medabl.experiments.state import write_error
from medabl.runs import RunFolder

_ABANDONED = 143


def carry_out(path: str | Path, interrupted: Callable[[], bool] = lambda: False) -> bool:
    """Carry out a planned run, or what is missing of it; its error is kept, not raised.

    Args:
        path: the run's folder, with ``planned.yaml``.
        interrupted: asked after an error, whether it only ended the run from outside.

    Returns:
        whether it is done.

    Raises:
        Exception: that error.
    """
    folder = RunFolder.at(path)
    folder.error.unlink(missing_ok=True)
    try:
        config: Mapping[str, Any] = yaml.safe_load(folder.planned.read_text(encoding="utf-8"))
        train({**config, "run_dir": str(folder.path)}, check=False)
    except Exception as error:
        if interrupted():
            raise
        _keep(folder, error)
        return False
    return True


def _keep(folder: RunFolder, error: Exception) -> None:
    told = isinstance(error, (InputError, DivergedError))
    with contextlib.suppress(OSError):  # a full disk may have no room for it
        write_error(folder, str(error) if told else f"{type(error).__name__}: {error}")
        print(f"Error: {error}" if told else traceback.format_exc(), file=sys.stderr, flush=True)


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for path in iter(_listen().get, None):
        print_into(RunFolder.at(path).log)
        done = carry_out(path)
        # Engines and their handlers refer to each other: only the collector frees a run's volumes.
        gc.collect()
        answers.write("done\n" if done else "failed\n")
        answers.flush()


def _listen() -> queue.Queue[str]:
    paths: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            paths.put(line.rstrip("\n"))
        os._exit(_ABANDONED)

    threading.Thread(target=read, daemon=True).start()
    return paths


def print_into(log: Path) -> None:
    """Append to a file what this process and its children print from now on."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


if __name__ == "__main__":
    main()
