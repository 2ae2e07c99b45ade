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

from medabl.experiments.slurm_commands import ENDED, job_states
from medabl.experiments.state import last_epoch
from medabl.files import read_json
from medabl.runs import RunFolder
from tests.experiments.held_runs import let_go, write_held_config, write_sweep
from tests.experiments.small_sweep import ROOT
from tests.small_runs import same_weights

_RUNS = shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _RUNS, reason="needs Slurm: scripts/slurm_local.sh starts one"),
]
RUNS = [{"method": "gdl", "epochs": 4}, {"method": "gdl_abl", "epochs": 6}]
HELD_AFTER = 2  # whole epochs
PATIENCE_SECONDS = 900


@pytest.fixture(scope="module")
def undisturbed(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """The same runs on this machine, by method, never held."""
    root = tmp_path_factory.mktemp("undisturbed")
    file = write_sweep(root / "sweep.yaml", cohort, RUNS)
    with _driver(file, root / "out") as driver:
        assert driver.wait() == 0
    return _by_method(root / "out")


def test_a_killed_job_and_one_out_of_time_come_to_what_undisturbed_ones_do(
    cohort: Path, undisturbed: Mapping[str, RunFolder], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS, _held(tmp_path))
    with _driver(
        file, out, "--launcher", "slurm", "--partition", "local", "--time", "10"
    ) as driver:
        killed = _run_held(out, "gdl")
        os.kill(read_json(killed.path / "heartbeat.json")["process"], signal.SIGKILL)
        let_go(killed)
        late = _run_held(out, "gdl_abl")
        # Its time limit comes now rather than in ten minutes, and the job hears of it before.
        _update(_job(out, late), "endtime=now+75seconds")
        _wait(lambda: "timed-out" in late.log.read_text())
        let_go(late)
        _wait(lambda: _hurry_requeued_jobs(driver.poll() is not None))
        assert driver.returncode == 0
    runs = _by_method(out)
    first = read_json(out / "slurm" / "jobs.json")
    assert first[killed.path.name]["epoch"] == HELD_AFTER, "it was not submitted again"
    assert first[late.path.name]["epoch"] == 0, "it was not queued again, but submitted anew"
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
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS[:1], _held(tmp_path))
    with _driver(file, out, "--launcher", "slurm", PATH=str(tools), **inside) as driver:
        run = _run_held(out, "gdl")
        job = _job(out, run)
        subprocess.run(["scancel", "--signal=USR2", job], check=True)
        _wait(lambda: (job_states() or {}).get(job) in ENDED)
        let_go(run)
        assert driver.wait(PATIENCE_SECONDS) == 0
    assert _job(out, run) != job
    assert same_weights(run, undisturbed["gdl"])


def test_jobs_outlive_their_driver_and_a_cancelled_one_is_not_submitted_again(
    cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    file = write_sweep(tmp_path / "sweep.yaml", cohort, RUNS[1:], _held(tmp_path))
    with _driver(file, out, "--launcher", "slurm") as driver:
        run = _run_held(out, "gdl_abl")
        driver.kill()
        driver.wait()
    job = _job(out, run)
    with _driver(file, out, "--launcher", "slurm") as driver:
        let_go(run, HELD_AFTER + 2)
        _wait(lambda: last_epoch(run) == HELD_AFTER + 2)
        assert _job(out, run) == job
        subprocess.run(["scancel", job], check=True)
        assert driver.wait(PATIENCE_SECONDS) == 1
    assert "was cancelled" in run.error.read_text()


@contextmanager
def _driver(
    file: Path, out: Path, *options: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "medabl", "sweep", str(file), "--out", str(out), *options]
    needed = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env={**os.environ, **needed, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        jobs = out / "slurm" / "jobs.json"
        for job in read_json(jobs).values() if jobs.is_file() else ():
            subprocess.run(["scancel", job["id"]], capture_output=True)


def _held(root: Path) -> Path:
    return write_held_config(root / "held.yaml", HELD_AFTER)


def _run_held(out: Path, method: str) -> RunFolder:
    """The run of a method, once it waits to be let go."""
    found: list[RunFolder] = []

    def waits() -> bool:
        found[:] = [RunFolder(path) for path in out.glob(f"*method={method}-*")]
        return bool(found) and last_epoch(found[0]) == HELD_AFTER

    _wait(waits)
    return found[0]


def _job(out: Path, run: RunFolder) -> str:
    return str(read_json(out / "slurm" / "jobs.json")[run.path.name]["id"])


def _by_method(out: Path) -> dict[str, RunFolder]:
    folders = [RunFolder(path.parent) for path in out.glob("*/run.json")]
    return {folder.read_info()["method"]: folder for folder in folders}


def _hurry_requeued_jobs(is_over: bool) -> bool:
    """Slurm lets two minutes pass before a job that was queued again: too long for a test."""
    for job, state in (job_states() or {}).items():
        if state == "PENDING" and not is_over:
            _update(job, "starttime=now", "timelimit=60")
    return is_over


def _update(job: str, *what: str) -> None:
    # A job that begins at this very moment is pending no more: then there is nothing to hurry.
    subprocess.run(["scontrol", "update", f"jobid={job}", *what], capture_output=True)


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.5)
