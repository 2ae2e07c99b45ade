"""Sweeps of tiny runs, through the command as a user types it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from medabl.cli import app
from medabl.files import read_json
from tests.small_runs import SMALL

ROOT = Path(__file__).parents[2]


def write_sweep(path: Path, data: Path, **keys: Any) -> Path:
    """A sweep file over the tiny settings; `set` is laid over them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"base": ["wmh.yaml"], **keys}
    content["set"] = {**SMALL, "data": str(data), **keys.get("set", {})}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def medabl(*arguments: object, code: int = 0) -> str:
    """Run the command; its output without line breaks of the terminal's width."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    assert "Traceback" not in result.output
    return re.sub(r"\s+", " ", result.output)


def in_background(*arguments: object) -> subprocess.Popen[str]:
    """The command as a process of a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "medabl", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background jobs, and all that they start, would pass over Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def worker_of(run: Path) -> int | None:
    """The process that carries out a run, None if nobody does."""
    try:
        return int(read_json(run / "heartbeat.json")["process"])
    except (OSError, ValueError):
        return None


def wait_until(holds: Callable[[], Any], driver: subprocess.Popen[str] | None = None) -> Any:
    """Wait for a value that is true; a driver that ends first is an error."""
    while not (value := holds()):
        assert driver is None or driver.poll() is None, driver.communicate()[0]
        time.sleep(0.05)
    return value


def is_alive(process: int) -> bool:
    """Whether a process runs, zombies apart."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def begun(out: Path) -> Iterator[Path]:
    """Run folders with at least one whole epoch that a process works in."""
    for run in sorted(path.parent for path in out.glob("*/planned.yaml")):
        if (run / "epochs.csv").is_file() and worker_of(run) is not None:
            yield run


def written(folder: Path) -> dict[Path, int]:
    """When each file of all runs was last written; locks and plans aside."""
    files = (p for p in folder.glob("*=*/**/*") if p.is_file())
    own = {"run.lock", "heartbeat.json", "planned.yaml"}
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in files if p.name not in own}
