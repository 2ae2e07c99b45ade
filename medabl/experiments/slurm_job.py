"""What a Slurm job carries: the path of a run's folder, and how to go on when time is up."""

from __future__ import annotations

import faulthandler
import signal
from types import FrameType
from typing import Any

from medabl.experiments.worker import carry_out, print_into
from medabl.runs import RunFolder

_SECONDS_TO_LEAVE = 90.0  # submitit allows a minute for queueing the job again


class RunJob:
    """Carries out the planned run of a folder, as submitit calls it on a compute node.

    The run itself finds its newest checkpoint, so that a job queued again needs to know no more
    than the first one did.

    Args:
        path: the run's folder, with ``planned.yaml``.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._leaving = False

    def __call__(self) -> bool:
        """Carry out what is missing of the run; whether it is done.

        Raises:
            Exception: what submitit raises to end it, when the job cannot be queued again; it is
                no failure of the run, which goes on in another job.
        """
        print_into(RunFolder.at(self.path).log)
        return carry_out(self.path, interrupted=lambda: self._leaving)

    def checkpoint(self) -> Any:
        """The same job again: submitit asks for it when time is up or another job goes first.

        Every whole epoch is on disk already. Whatever signals follow, of which there are some as
        soon as the job is queued again, find nobody who listens: one request is enough.
        """
        from submitit.helpers import DelayedSubmission

        # Not SIG_IGN: Python clears the exception that ends the job if it then meets a signal that
        # had arrived before.
        for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, _pass_over)
        # That exception may be lost in foreign code even so (it is raised wherever the run is).
        faulthandler.dump_traceback_later(_SECONDS_TO_LEAVE, exit=True)
        self._leaving = True
        return DelayedSubmission(RunJob(self.path))


def _pass_over(number: int, frame: FrameType | None) -> None:
    """A signal that nobody listens to."""
