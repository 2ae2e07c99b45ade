"""Sweeps by a real Slurm, which `scripts/slurm_local.sh` starts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from medabl.experiments.slurm_commands import job_states
from medabl.experiments.state import last_epoch
from medabl.files import read_json
from medabl.runs import RunFolder
from tests.experiments.slow_runs import write_slow_config, write_sweep
from tests.small_runs import same_weights

_RUNS = shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _RUNS, reason="needs Slurm: scripts/slurm_local.sh starts one"),
]
RUNS = [{"method": "gdl", "epochs": 8}, {"method": "gdl_abl", "epochs": 80}]
SECONDS_A_SLICE = 0.1  # 16 slices: the longer run needs more than its two minutes
PATIENCE_SECONDS = 900


@pytest.fixture(scope="module")
def undisturbed(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """The same runs on this machine, by method, without the waiting."""
    root = tmp_path_factory.mktemp("undisturbed")
    file = write_sweep(root / "sweep.yaml", cohort, RUNS)
    with _driver(file, root / "out") as driver:
        assert driver.wait() == 0
    return _by_method(root / "out")


def test_a_killed_job_and_one_out_of_time_come_to_what_undisturbed_ones_do(
    cohort: Path, undisturbed: Mapping[str, RunFolder], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slow = write_slow_config(tmp_path / "slow.yaml", SECONDS_A_SLICE)
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS, slow)
    with _driver(file, out, "--launcher", "slurm", "--partition", "local", "--time", "2") as driver:
        killed = _run_at_epoch(out, "gdl", 2)
        os.kill(read_json(killed.path / "heartbeat.json")["process"], signal.SIGKILL)
        _wait(lambda: _hurry_requeued_jobs(driver.poll() is not None))
        assert driver.returncode == 0
    runs = _by_method(out)
    first = read_json(out / "slurm" / "jobs.json")
    assert first[runs["gdl"].path.name]["epoch"] >= 2, "it was not submitted again"
    assert "timed-out" in runs["gdl_abl"].log.read_text()
    for method, run in runs.items():
        assert same_weights(run, undisturbed[method])
        assert run.epochs.read_bytes() == undisturbed[method].epochs.read_bytes()


def test_a_node_without_scontrol_and_a_driver_inside_a_job_do_no_harm(
    cohort: Path, undisturbed: Mapping[str, RunFolder], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sinfo", "sbatch", "squeue", "scancel", "srun"):
        (tools / name).symlink_to(str(shutil.which(name)))
    inside = {"SLURM_JOB_ID": "1", "SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "0",
              "SLURM_CPUS_PER_TASK": "999", "SBATCH_PARTITION": "nowhere", "RANK": "3",
              "WORLD_SIZE": "4"}  # fmt: skip
    out = tmp_path / "out"
    slow = write_slow_config(tmp_path / "slow.yaml", SECONDS_A_SLICE)
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS[:1], slow)
    with _driver(file, out, "--launcher", "slurm", PATH=str(tools), **inside) as driver:
        run = _run_at_epoch(out, "gdl", 2)
        job = read_json(out / "slurm" / "jobs.json")[run.path.name]["id"]
        subprocess.run(["scancel", "--signal=USR2", job], check=True)
        assert driver.wait(PATIENCE_SECONDS) == 0
    assert read_json(out / "slurm" / "jobs.json")[run.path.name]["id"] != job
    assert same_weights(run, undisturbed["gdl"])


def test_jobs_outlive_their_driver_and_a_cancelled_one_is_not_submitted_again(
    cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slow = write_slow_config(tmp_path / "slow.yaml", SECONDS_A_SLICE)
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS[1:], slow)
    with _driver(file, out, "--launcher", "slurm") as driver:
        run = _run_at_epoch(out, "gdl_abl", 1)
        driver.kill()
        driver.wait()
    job = read_json(out / "slurm" / "jobs.json")[run.path.name]["id"]
    with _driver(file, out, "--launcher", "slurm") as driver:
        epoch = last_epoch(run)
        _wait(lambda: last_epoch(run) >= epoch + 3)
        assert read_json(out / "slurm" / "jobs.json")[run.path.name]["id"] == job
        subprocess.run(["scancel", job], check=True)
        assert driver.wait(PATIENCE_SECONDS) == 2
    assert "was cancelled" in run.error.read_text()


@contextmanager
def _driver(
    file: Path, out: Path, *options: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "medabl", "sweep", str(file), "--out", str(out), *options]
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, cwd=file.parent
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        jobs = out / "slurm" / "jobs.json"
        for job in read_json(jobs).values() if jobs.is_file() else ():
            subprocess.run(["scancel", job["id"]], capture_output=True)


def _run_at_epoch(out: Path, method: str, epoch: int) -> RunFolder:
    found: list[RunFolder] = []

    def begun() -> bool:
        found[:] = [RunFolder(path) for path in out.glob(f"*method={method}-*")]
        return bool(found) and last_epoch(found[0]) >= epoch

    _wait(begun)
    return found[0]


def _by_method(out: Path) -> dict[str, RunFolder]:
    folders = [RunFolder(path.parent) for path in out.glob("*/run.json")]
    return {folder.read_info()["method"]: folder for folder in folders}


def _hurry_requeued_jobs(is_over: bool) -> bool:
    """Slurm lets two minutes pass before a job that was queued again: too long for a test."""
    for job, state in (job_states() or {}).items():
        if state == "PENDING" and not is_over:
            now = ["scontrol", "update", f"jobid={job}", "starttime=now"]
            subprocess.run(now, capture_output=True)
    return is_over


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.5)
