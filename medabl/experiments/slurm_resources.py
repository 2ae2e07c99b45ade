"""What a run asks Slurm for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medabl.errors import InputError
from medabl.experiments.slurm_commands import ask_slurm

_CLOCK = re.compile(r"(?:(?P<d>\d+)-)?(?P<a>\d+)(?::(?P<b>\d+))?(?::(?P<c>\d+))?")


@dataclass(frozen=True)
class Resources:
    """What each run asks Slurm for.

    Attributes:
        partition: one or several with commas; None: Slurm's default.
        time: limit of a job as Slurm writes it; a run that needs longer goes on in the next.
        gpus: a run uses one at most.
        cpus: processors.
        mem: memory as Slurm writes it, ``16G``; None: Slurm's default.
        array_parallelism: runs at the same time; None: as many as Slurm lets.
    """

    partition: str | None = None
    time: str = "60"
    gpus: int = 0
    cpus: int = 1
    mem: str | None = None
    array_parallelism: int | None = None

    @property
    def minutes(self) -> int:
        """The time limit.

        Raises:
            InputError: if it is none.
        """
        return parse_minutes(self.time)

    def check(self) -> None:
        """See that Slurm would take such a job; nothing is submitted.

        Raises:
            InputError: if there is no Slurm here, or it would not.
        """
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise InputError(
                "--launcher slurm needs submitit: pip install medabl[slurm]."
            ) from error
        partitions = ask_slurm("sinfo", "--noheader", "--format=%R").split()
        for name in self.partition.split(",") if self.partition else ():
            if name not in partitions:
                raise InputError(
                    f"--partition {name}: Slurm has no such partition here; it has"
                    f" {', '.join(sorted(partitions))}."
                )
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in self.flags().items()]
        ask_slurm("sbatch", "--test-only", *flags, "--wrap=true")

    def flags(self) -> dict[str, Any]:
        """What is asked for, by the names of sbatch's options."""
        flags = {
            "time": self.minutes,
            "partition": self.partition,
            "gpus_per_node": self.gpus or None,
            "cpus_per_task": self.cpus,
            "mem": self.mem,
        }
        return {name: value for name, value in flags.items() if value is not None}


def pick_resources(launcher: str, jobs: int | None, asked: Mapping[str, Any]) -> Resources | None:
    """What the options of the command line come to.

    Args:
        launcher: ``local`` or ``slurm``.
        jobs: ``--jobs``.
        asked: the attributes of `Resources`; None where nothing was said.

    Returns:
        None for ``local``.

    Raises:
        InputError: for options that do not go with the launcher, or another launcher.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if launcher not in ("local", "slurm"):
        raise InputError(f"--launcher must be local or slurm; got {launcher!r}.")
    if launcher == "slurm":
        if jobs is not None:
            raise InputError("--jobs goes with --launcher local; here say --array-parallelism.")
        return Resources(**given)
    if given:
        raise InputError(f"--{next(iter(given)).replace('_', '-')} goes with --launcher slurm.")
    return None


def parse_minutes(text: str) -> int:
    """A time as Slurm writes it, in whole minutes, rounded up.

    Args:
        text: ``90``, ``MM:SS``, ``HH:MM:SS``, ``D-HH``, ``D-HH:MM`` or ``D-HH:MM:SS``.

    Raises:
        InputError: for anything else, or no time at all.
    """
    clock = _CLOCK.fullmatch(text.strip())
    parts = [int(clock[name]) for name in "abc" if clock[name]] if clock else []
    if clock and clock["d"]:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        hours += 24 * int(clock["d"])
    else:
        hours, minutes, seconds = {1: [0, *parts, 0], 2: [0, *parts]}.get(
            len(parts), parts or [0] * 3
        )
    total = 60 * hours + minutes + -(-seconds // 60)
    if total < 1:
        raise InputError(
            f"--time must be minutes, HH:MM:SS or D-HH:MM:SS, of at least a minute; got {text!r}."
        )
    return total
