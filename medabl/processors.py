"""What this process may use of the machine, and what it used."""

from __future__ import annotations

import os
import sys
import tempfile


def processor_count() -> int:
    """Processors this process may run on, which a batch job's share makes fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def process_count() -> int:
    """Processes that carry out this run together: as many as torchrun started, or one."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1


def is_first_process() -> bool:
    """Whether this process is the one of them that writes."""
    return process_count() == 1 or os.environ["RANK"] == "0"


def own_gpu() -> int | None:
    """Which of this machine's GPUs is this process's; None if it is the only process."""
    return int(os.environ["LOCAL_RANK"]) if process_count() > 1 else None


def socket_names_fit() -> bool:
    """Whether processes can talk through sockets in the temporary folder, whose path may be long.

    Python's and torch's names for them take 32 characters more, and the system allows 103 (macOS)
    or 107 (Linux) in all.
    """
    return os.name != "posix" or len(tempfile.gettempdir()) <= 70


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
