"""How much may run at the same time."""

from __future__ import annotations

import os


def processor_count() -> int:
    """The processors this process may use: those a job was given, not those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
