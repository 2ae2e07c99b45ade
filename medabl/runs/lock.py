"""One process a run folder: a lock that outlives no process, and tells who holds it."""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from medabl.errors import InputError
from medabl.files import TEMPORARY, read_json, sweep, write_json

BEAT_SECONDS = 5.0
"""Time between two signs of life."""

_SILENT_BEATS = 3

LOCK_FILE = "run.lock"
HEARTBEAT_FILE = "heartbeat.json"


@contextmanager
def locked(folder: Path, shared: bool = False) -> Iterator[None]:
    """Hold a folder for this process; it says so in ``heartbeat.json`` (host, process, beat).

    What a killed process left half-written is removed, and a folder in which nothing else was made
    goes again.

    The lock is the operating system's, which ends with the process however that ends. Some network
    file systems keep it to one host: a heartbeat of another host that goes on beating holds the
    folder as well, and one that has stopped is taken over. Beats are counted, not timed, so that
    clocks need not agree.

    Args:
        folder: made when missing.
        shared: folders below it may be other processes', whose files are left alone.

    Raises:
        InputError: if another process holds it, naming that process.
    """
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(_in_use(folder)) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}).") from error
    try:
        if _beats_elsewhere(folder):
            raise InputError(_in_use(folder))
        if not shared:
            sweep(folder)
        stop = threading.Event()
        _beat(folder, 0)
        thread = threading.Thread(target=_keep_beating, args=(folder, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            (folder / HEARTBEAT_FILE).unlink(missing_ok=True)
    finally:
        _remove_unused(folder, new)
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process shows life in a folder; answers at once, and touches no lock.

    A heartbeat counts by its age, by the file system's clock; one of this host only while its
    process is alive, too.
    """
    holder = _heartbeat(folder)
    if not holder or (holder["host"] == platform.node() and not _is_alive(holder["process"])):
        return False
    return _heartbeat_age(folder) < _SILENT_BEATS * BEAT_SECONDS


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end a process on Windows
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _remove_unused(folder: Path, new: bool) -> None:
    if [path.name for path in folder.iterdir()] == [LOCK_FILE]:
        # Who opened the file before sees by its count of links that it guards nothing any more.
        with contextlib.suppress(OSError):
            (folder / LOCK_FILE).unlink()
            if new:
                folder.rmdir()


def _beat(folder: Path, number: int) -> None:
    write_json(
        folder / HEARTBEAT_FILE,
        {"host": platform.node(), "process": os.getpid(), "beat": number},
    )


def _keep_beating(folder: Path, stop: threading.Event) -> None:
    number = 0
    while not stop.wait(BEAT_SECONDS):
        number += 1
        try:
            _beat(folder, number)
        except OSError:  # a full disk stops the run where it has something to write
            continue


def _heartbeat(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / HEARTBEAT_FILE))
    except (OSError, ValueError):
        return {}


def _heartbeat_age(folder: Path) -> float:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=TEMPORARY) as probe:
            now = Path(probe.name).stat().st_mtime
        return now - (folder / HEARTBEAT_FILE).stat().st_mtime
    except OSError:
        return float("inf")


def _beats_elsewhere(folder: Path) -> bool:
    before = _heartbeat(folder)
    if before.get("host", platform.node()) == platform.node():
        return False  # this host's lock has answered already
    for _ in range(_SILENT_BEATS):
        time.sleep(BEAT_SECONDS)
        if _heartbeat(folder) != before:
            return True
    return False


def _in_use(folder: Path) -> str:
    holder = _heartbeat(folder)
    who = f"process {holder['process']} on {holder['host']}" if holder else "another process"
    return f"{folder} is in use by {who}; wait until it ends, stop it, or choose another folder."
