"""One process a run folder, tried with processes."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medabl.errors import InputError
from medabl.runs import is_locked, lock, locked

HOLD = """
import sys, time
from pathlib import Path
from medabl.runs import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_process_in(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def another_host_in(folder: Path, seconds: float | None) -> Iterator[None]:
    """A heartbeat of another host, which beats every so many seconds, or has stopped."""
    stop = threading.Event()

    def beat() -> None:
        number = 0
        while not stop.wait(seconds):
            number += 1
            write(number)

    def write(number: int) -> None:
        text = json.dumps({"host": "elsewhere", "process": 7, "beat": number})
        (folder / "half.json").write_text(text)
        (folder / "half.json").replace(folder / "heartbeat.json")

    write(0)
    thread = threading.Thread(target=beat)
    if seconds is not None:
        thread.start()
    yield
    stop.set()
    if seconds is not None:
        thread.join()


def test_a_second_process_is_told_which_one_and_where(tmp_path: Path) -> None:
    with another_process_in(tmp_path) as other:
        assert is_locked(tmp_path)
        expected = f"is in use by process {other.pid} on {platform.node()}; wait until it ends"
        with pytest.raises(InputError, match=expected), locked(tmp_path):
            pass


def test_the_lock_of_a_killed_process_is_taken_over_and_its_leftovers_swept(
    tmp_path: Path,
) -> None:
    with another_process_in(tmp_path) as other:
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / ".~0123-last.pt").write_bytes(b"half")
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (tmp_path / "heartbeat.json").is_file()
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        beat = json.loads((tmp_path / "heartbeat.json").read_text())
        assert beat["process"] == os.getpid()
        assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_heartbeat_of_another_host_that_goes_on_holds_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.5)
    with another_host_in(tmp_path, 0.05):
        assert is_locked(tmp_path)
        with (
            pytest.raises(InputError, match="in use by process 7 on elsewhere"),
            locked(tmp_path),
        ):
            pass


def test_a_heartbeat_of_another_host_that_has_stopped_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.05)
    with another_host_in(tmp_path, None), locked(tmp_path):
        beat = json.loads((tmp_path / "heartbeat.json").read_text())
        assert beat["host"] == platform.node()


def test_the_holder_shows_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
    with locked(tmp_path):
        while json.loads((tmp_path / "heartbeat.json").read_text())["beat"] < 3:
            time.sleep(0.01)
        (tmp_path / "run.json").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.lock"]


def test_a_folder_in_which_nothing_was_made_is_as_before(tmp_path: Path) -> None:
    with locked(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with locked(tmp_path / "there"):
        pass
    assert list((tmp_path / "there").iterdir()) == []


def test_two_processes_never_hold_a_folder_at_once(tmp_path: Path) -> None:
    """However often it is taken, left unused and removed in between."""
    work = """
import os, sys, time
from pathlib import Path
from medabl.errors import InputError
from medabl.runs import locked
folder, mark, held = Path(sys.argv[1]), Path(sys.argv[2]), 0
ready = mark.with_name(f"ready{os.getpid()}")
ready.touch()
while len(list(ready.parent.glob("ready*"))) < 2:
    time.sleep(0.01)
for _ in range(300):
    try:
        with locked(folder):
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            held += 1
            mark.unlink()
    except InputError:
        pass
print(held)
"""
    command = [sys.executable, "-c", work, str(tmp_path / "run"), str(tmp_path / "mark")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [int(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert max(counts) > 0
