"""Sweeps that are killed, interrupted, or run out of disk, with real processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from medabl.experiments import gather_results
from tests.experiments.small_sweep import (
    ROOT,
    begun,
    in_background,
    is_alive,
    medabl,
    wait_until,
    worker_of,
    write_sweep,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
LONG = 100_000


@contextmanager
def a_long_sweep(folder: Path, cohort: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """Two runs at the same time that do not end by themselves, both with a whole epoch."""
    file = write_sweep(
        folder / "long.yaml", cohort, set={"epochs": LONG}, grid={"method": ["gdl", "gdl_abl"]}
    )
    out = folder / "out"
    with in_background("sweep", file, "--out", out, "--jobs", 2) as driver:
        try:
            wait_until(lambda: len(list(begun(out))) == 2, driver)
            yield out, driver
        finally:
            driver.kill()


def states(out: Path) -> dict[str, str]:
    table = gather_results(out)
    return dict(zip(table["method"], table["state"], strict=True))


def test_a_killed_worker_takes_only_its_own_run_and_a_second_sweep_is_told_to_wait(
    cohort: Path, tmp_path: Path
) -> None:
    with a_long_sweep(tmp_path, cohort) as (out, driver):
        said = medabl("sweep", tmp_path / "long.yaml", "--out", out, code=2)
        assert f"{out} is in use by process {driver.pid} on " in said
        victim, other = begun(out)
        os.kill(worker_of(victim), signal.SIGKILL)
        wait_until(lambda: (victim / "error.txt").is_file(), driver)
        assert "was ended by SIGKILL" in (victim / "error.txt").read_text()
        epoch = len(pd.read_csv(other / "epochs.csv"))
        wait_until(lambda: len(pd.read_csv(other / "epochs.csv")) > epoch + 2, driver)
        assert sorted(states(out).values()) == ["failed", "running"]


def test_workers_end_with_a_killed_driver_and_their_runs_go_on_another_time(
    cohort: Path, tmp_path: Path
) -> None:
    with a_long_sweep(tmp_path, cohort) as (out, driver):
        workers = [worker_of(run) for run in begun(out)]
        driver.kill()
        driver.wait()
        wait_until(lambda: not any(map(is_alive, workers)))
        # Where nobody collects dead processes, it is their heartbeat that shows it, later.
        wait_until(lambda: states(out) == {"gdl": "interrupted", "gdl_abl": "interrupted"})


def test_an_interrupt_at_the_terminal_fails_no_run(cohort: Path, tmp_path: Path) -> None:
    with a_long_sweep(tmp_path, cohort) as (out, driver):
        workers = [worker_of(run) for run in begun(out)]
        os.killpg(driver.pid, signal.SIGINT)
        said = driver.communicate()[0]
        assert driver.returncode == 130
        assert "Interrupted; the same command goes on from here." in said
        assert "Traceback" not in said
        assert not any(map(is_alive, workers))
        assert states(out) == {"gdl": "interrupted", "gdl_abl": "interrupted"}


def test_sweeps_killed_twice_end_as_one_that_was_left_alone() -> None:
    script = ROOT / "scripts" / "sweep_kill_test.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "2"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"2 kills, \d+ of them while runs were carried out", done.stdout)


def has_small_disks() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], check=False).returncode == 0


@pytest.mark.skipif(not has_small_disks(), reason="needs unshare(1) and user namespaces")
def test_a_disk_that_fills_up_leaves_what_is_done_and_says_so(cohort: Path, tmp_path: Path) -> None:
    """A disk with room for one run and a half; it is copied away before it is unmounted."""
    file = write_sweep(
        tmp_path / "sweep.yaml",
        cohort,
        set={"cache_dir": str(tmp_path / "cache"), "epochs": 2},
        grid={"seed": [0, 1]},
    )
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=1600k medabl-test {disk} && {{ {sys.executable} -m medabl sweep"
        f" {file} --out {disk}/out; code=$?; cp -r {disk}/out {kept}; exit $code; }}"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 2 runs are not done" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stdout + done.stderr
    table = gather_results(kept).set_index("seed")
    assert table.loc[0, "state"] == "done"
    assert table.loc[1, "state"] in ("failed", "interrupted")
    medabl("sweep", file, "--out", kept, "--retry-failed")
    assert set(gather_results(kept)["state"]) == {"done"}
