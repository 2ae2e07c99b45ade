"""How many processors this process may use."""

from __future__ import annotations

import os


def processor_count() -> int:
    """Processors this process may run on, which a batch job's share makes fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
