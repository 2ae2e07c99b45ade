"""What this process may use of the machine, and what it used."""

from __future__ import annotations

import os
import sys


def processor_count() -> int:
    """Processors this process may run on, which a batch job's share makes fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int | None:
    """The most memory this process or one of its children held, in bytes; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    # Linux counts ru_maxrss in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) * unit
