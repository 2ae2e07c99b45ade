"""Slurm carries out the runs of a sweep: job arrays through submitit, a job a run."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medabl.errors import InputError
from medabl.experiments.pool import thread_limits
from medabl.experiments.slurm_commands import ENDED, cancel, job_states, outside_any_job
from medabl.experiments.slurm_job import RunJob
from medabl.experiments.slurm_resources import Resources
from medabl.experiments.state import OVER, last_epoch, read_state, write_error
from medabl.files import read_json, write_json
from medabl.runs import RunFolder, is_locked

FOLDER = "slurm"
"""Of a sweep's folder: job scripts, logs of the jobs, and which run is whose."""

_MOST_TIMEOUTS = 100  # in one job, before another one is submitted
_WARNING_SECONDS = 60  # before the time limit; nothing has to be saved then
_PATIENCE_SECONDS = 2.0
_QUEUE_SECONDS = 10.0
_SILENT_SECONDS = 20.0  # longer than a dead run's heartbeat counts, or a network folder is behind


@dataclass
class _Job:
    """A run's job.

    Attributes:
        id: Slurm's, ``12_3`` for a task of an array.
        epoch: the run's last whole one when it was submitted.
        gone: since when Slurm has not had it in its queue, by this process's clock.
        cancelled: by somebody, who does not want it submitted again.
    """

    id: str
    epoch: int
    gone: float | None = None
    cancelled: bool = False


class SlurmLauncher:
    """Submits runs as job arrays, and tells from the runs' own files when they are over.

    Jobs outlive this process: those that one before has submitted for the same folder are taken
    over. A job whose time is up, or that has to go for another, is queued again by itself; where
    Slurm does not let it, or it died, it is submitted again if it has got any further.

    Args:
        resources: what each run asks for.
        out: the sweep's folder, which the compute nodes must see under the same path.
        wanted: folders of the runs that are to be carried out.
    """

    def __init__(self, resources: Resources, out: Path, wanted: Sequence[Path]) -> None:
        self.jobs = resources.array_parallelism or len(wanted)
        self._resources = resources
        self._folder = out.resolve() / FOLDER
        self._new: list[Path] = []
        self._jobs: dict[Path, _Job] = {}
        self._asked = time.monotonic()
        before, states = self._read_jobs(), job_states() or {}
        for path in wanted:
            job = before.get(path.name)
            if job is not None and states.get(job["id"], ENDED[0]) not in ENDED:
                self._jobs[path] = _Job(**job)

    @property
    def free(self) -> bool:
        """Always: Slurm has a queue."""
        return True

    @property
    def busy(self) -> list[Path]:
        """The runs with a job that is not over."""
        return [*self._jobs, *self._new]

    def is_running(self, path: Path) -> bool:
        """Whether its job shows life."""
        return is_locked(path)

    def start(self, path: Path) -> None:
        """Hand it a run, which is submitted with all others at the next `poll`."""
        self._new.append(path)

    def poll(self) -> list[Path]:
        """Submit what is new, wait a little, and return the runs that are over, if any.

        Raises:
            InputError: if Slurm does not take the jobs.
        """
        self._submit()
        time.sleep(_PATIENCE_SECONDS)
        over = [path for path in self._jobs if read_state(RunFolder.at(path))[0] in OVER]
        if time.monotonic() - self._asked >= _QUEUE_SECONDS:
            self._asked = time.monotonic()
            over += self._lost([path for path in self._jobs if path not in over])
        for path in over:
            del self._jobs[path]
        return over

    def stop(self, path: Path) -> None:
        """Cancel a run's job."""
        if path in self._jobs:
            cancel(self._jobs[path].id)

    def close(self) -> None:
        """Leave the jobs in the queue: the same command finds them again."""

    def _submit(self) -> None:
        if not self._new:
            return
        import submitit

        executor = submitit.SlurmExecutor(
            self._folder, max_num_timeout=_MOST_TIMEOUTS, python=shlex.quote(sys.executable)
        )
        threads = thread_limits(self._resources.cpus)
        executor.update_parameters(
            **self._resources.flags(),
            job_name="medabl",
            array_parallelism=self.jobs,
            signal_delay_s=min(_WARNING_SECONDS, 3 * self._resources.minutes),
            stderr_to_stdout=True,
            setup=[f"export {name}={value}" for name, value in threads.items()],
            srun_args=[f"--cpus-per-task={self._resources.cpus}"],  # srun does not take it over
            additional_parameters={"requeue": True},
        )
        try:
            with outside_any_job():
                submitted = executor.submit_array([RunJob(str(path)) for path in self._new])
        except (RuntimeError, OSError) as error:
            raise InputError(f"Slurm takes no jobs now: {' '.join(str(error).split())}") from error
        for path, job in zip(self._new, submitted, strict=True):
            self._jobs[path] = _Job(job.job_id, last_epoch(RunFolder.at(path)))
        self._new = []
        self._write_jobs()

    def _lost(self, paths: Sequence[Path]) -> list[Path]:
        """Runs whose jobs have gone without a word, unless it is of use to submit them again."""
        states = job_states()
        if states is None:
            return []
        lost = []
        for path in paths:
            job = self._jobs[path]
            state = states.get(job.id, "")
            job.cancelled |= state == "CANCELLED"
            if (state and state not in ENDED) or is_locked(path):
                job.gone = None
            elif job.gone is None:
                job.gone = self._asked
            elif self._asked - job.gone > _SILENT_SECONDS:
                lost.append(path)
        return [path for path in lost if not self._try_again(path)]

    def _try_again(self, path: Path) -> bool:
        job = self._jobs[path]
        if not job.cancelled and last_epoch(RunFolder.at(path)) > job.epoch:
            del self._jobs[path]
            self._new.append(path)
            return True
        how = (
            "was cancelled"
            if job.cancelled
            else "ended before another epoch was whole (killed, out of memory or of time?)"
        )
        error = f"Its Slurm job {job.id} {how}; its log is in {self._folder}."
        write_error(RunFolder.at(path), error)
        return False

    def _read_jobs(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(read_json(self._folder / "jobs.json"))
        except OSError:
            return {}

    def _write_jobs(self) -> None:
        jobs = {path.name: {"id": job.id, "epoch": job.epoch} for path, job in self._jobs.items()}
        write_json(self._folder / "jobs.json", {**self._read_jobs(), **jobs})
