"""Slurm's own commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from medabl.errors import InputError

_CONFIG = "SLURM_CONF"
ENDED = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "TIMEOUT",
)
"""States of a job that does not go on, unless it is queued again."""

_SECONDS = 60


def ask_slurm(*command: str) -> str:
    """What one of Slurm's commands answers.

    Raises:
        InputError: if there is no such command, or in Slurm's words why it refuses.
    """
    try:
        with outside_any_job():
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no Slurm here (no {command[0]} on the PATH): use --launcher local, or a"
            " machine that can submit jobs."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"Slurm does not answer {command[0]} within a minute.") from error
    if done.returncode:
        reasons = [line.split("error: ")[-1] for line in done.stderr.splitlines() if line.strip()]
        raise InputError(f"Slurm refuses such jobs: {reasons[-1] if reasons else done.stdout}")
    return done.stdout


def job_states() -> dict[str, str] | None:
    """The state of each of this user's jobs that Slurm remembers, by its id (``12_3``).

    Returns:
        None if Slurm does not answer.
    """
    try:
        answer = ask_slurm(
            "squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i %T"
        )
    except InputError:
        return None
    jobs = [line.split() for line in answer.splitlines()]
    return {job[0]: job[1] for job in jobs if len(job) == 2}


def cancel(job: str) -> None:
    """Cancel a job, if there is still one."""
    with outside_any_job():
        subprocess.run(["scancel", job], capture_output=True, timeout=_SECONDS)


@contextmanager
def outside_any_job() -> Iterator[None]:
    """Hide that this process may be part of a Slurm job, whose settings a new one would inherit."""
    from submitit.helpers import clean_env

    config = os.environ.get(_CONFIG)
    with clean_env():
        if config is not None:
            os.environ[_CONFIG] = config  # says where Slurm is, not what job this is
        yield
