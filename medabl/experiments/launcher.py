"""What carries out runs for a sweep: a pool of this machine's, or Slurm."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Launcher(Protocol):
    """Carries out planned runs, each told as the path of its folder."""

    @property
    def jobs(self) -> int:
        """How many runs it carries out at the same time, at most."""

    @property
    def free(self) -> bool:
        """Whether a run can be handed to it now."""

    @property
    def busy(self) -> list[Path]:
        """The runs that it has been handed and that are not over."""

    def is_running(self, path: Path) -> bool:
        """Whether one of them has begun; else it waits."""

    def start(self, path: Path) -> None:
        """Hand it a run."""

    def poll(self) -> list[Path]:
        """Wait a little for runs to be over, and return those that are."""

    def stop(self, path: Path) -> None:
        """End one of its runs, which is over then."""

    def close(self) -> None:
        """Take leave: the process that hands out runs ends."""
