"""A small pool of worker processes on this machine."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

import torch

from medabl.errors import InputError
from medabl.experiments.state import write_error
from medabl.processors import processor_count
from medabl.runs import RunFolder

_PATIENCE_SECONDS = 1.0
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Over(NamedTuple):
    """A run that a worker is done with."""

    slot: int
    path: Path


class Pool:
    """Worker processes, each with its share of the processors or a GPU of its own.

    A worker that dies takes its run with it and nothing else: the run is kept as failed, and the
    next one gets a new worker. Workers end when this process does, however it ends; a run that is
    ended so is no failure, and goes on another time.

    Args:
        jobs: runs at the same time.
        device: the runs' setting; ``auto`` and ``cuda`` spread them over the GPUs there are.
    """

    def __init__(self, jobs: int, device: str = "auto") -> None:
        gpus = torch.cuda.device_count() if device in ("auto", "cuda") else 0
        threads = thread_limits(max(1, processor_count() // jobs))
        self._finished: queue.Queue[Over] = queue.Queue()
        self._slots: list[_Slot] = []
        for number in range(jobs):
            environment = dict(threads) if jobs > 1 else {}
            if gpus:
                environment["CUDA_VISIBLE_DEVICES"] = _visible_gpu(number % gpus)
            self._slots.append(_Slot(number, environment, self._finished))

    @property
    def jobs(self) -> int:
        """How many runs it carries out at the same time."""
        return len(self._slots)

    @property
    def free(self) -> bool:
        """Whether a run can be started."""
        return any(slot.path is None for slot in self._slots)

    @property
    def busy(self) -> list[Path]:
        """The folders of the runs that are being carried out."""
        return [slot.path for slot in self._slots if slot.path is not None]

    def start(self, path: Path) -> None:
        """Hand a run to a free worker."""
        next(slot for slot in self._slots if slot.path is None).start(path)

    def is_running(self, path: Path) -> bool:
        """Always: there is a worker for each."""
        return True

    def poll(self) -> list[Path]:
        """The next run that is over, none if none is after a second."""
        try:
            over = self._finished.get(timeout=_PATIENCE_SECONDS)
        except queue.Empty:
            return []
        self._slots[over.slot].path = None
        return [over.path]

    def stop(self, path: Path) -> None:
        """End the worker that carries out a run."""
        for slot in self._slots:
            if slot.path == path:
                slot.stop()

    def close(self) -> None:
        """End all workers."""
        for slot in self._slots:
            slot.stop()


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables that give a process so many threads."""
    return dict.fromkeys(_THREADS, str(threads))


def default_jobs(device: str) -> int:
    """One run for each GPU that may be used; one on a CPU."""
    return max(1, torch.cuda.device_count()) if device in ("auto", "cuda") else 1


def check_jobs(jobs: int) -> None:
    """Refuse numbers of jobs that mean nothing.

    Raises:
        InputError: if it is below 1.
    """
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {jobs}.")


_WORKER = "from medabl.experiments.worker import main; main()"


class _Slot:
    """Place for one worker, which is started when there is a run and none is alive."""

    def __init__(
        self, number: int, environment: Mapping[str, str], finished: queue.Queue[Over]
    ) -> None:
        self.number = number
        self.path: Path | None = None
        path = os.pathsep.join(filter(None, sys.path))
        self._environment = {**os.environ, "PYTHONPATH": path, **environment}
        self._finished = finished
        self._worker: subprocess.Popen[str] | None = None
        self._stopped = False

    def start(self, path: Path) -> None:
        self.path = path
        if self._worker is None or self._worker.poll() is not None:
            self._worker = subprocess.Popen(
                # Nothing from the working directory: the worker imports what this process does.
                [sys.executable, "-P", "-c", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment,
                # An interrupt at the terminal is this process's to handle.
                start_new_session=True,
            )
            self._stopped = False
        assert self._worker.stdin is not None and self._worker.stdout is not None
        try:
            self._worker.stdin.write(f"{path}\n")
            self._worker.stdin.flush()
        except OSError:  # it died before it read; the answer will be missing
            pass
        threading.Thread(
            target=self._await, args=(path, self._worker, self._worker.stdout), daemon=True
        ).start()

    def stop(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            self._stopped = True
            self._worker.kill()
            self._worker.wait()

    def _await(self, path: Path, worker: subprocess.Popen[str], answers: IO[str]) -> None:
        try:
            if not answers.readline() and not self._stopped:
                write_error(RunFolder.at(path), _end(worker.wait()))
        except OSError:
            pass  # a full disk has no room for it, and the run stays as an interrupted one
        finally:
            self._finished.put(Over(self.number, path))


def _end(code: int) -> str:
    if code >= 0:
        return f"Its process ended with exit status {code}."
    name = signal.Signals(-code).name
    cause = "; perhaps there was too little memory" if name == "SIGKILL" else ""
    return f"Its process was ended by {name}{cause}."


def _visible_gpu(number: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[number] if visible else str(number)
