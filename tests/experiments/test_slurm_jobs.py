"""What a Slurm job does on its node, and what is refused before one is submitted; no Slurm here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from submitit.core.utils import DelayedSubmission
from typer.testing import CliRunner

from medabl.cli import app
from medabl.errors import InputError
from medabl.experiments.slurm_commands import outside_any_job
from medabl.experiments.slurm_job import RunJob
from medabl.experiments.slurm_resources import parse_minutes
from medabl.experiments.state import last_epoch, read_state
from medabl.experiments.worker import carry_out
from medabl.files import write_text
from medabl.runs import RunFolder
from tests.experiments.held_runs import let_go, write_held_config, write_sweep
from tests.experiments.small_sweep import ROOT
from tests.small_runs import same_weights, small_config

PATIENCE_SECONDS = 600


def test_a_job_told_again_and_again_asks_once_to_be_queued_by_array_and_task(
    cohort: Path, tmp_path: Path
) -> None:
    run = _plan(tmp_path / "run", cohort, write_held_config(tmp_path / "held.yaml", 1))
    asked = tmp_path / "asked.txt"
    node = _write_command(tmp_path / "node", "scontrol", f"echo $@ >> {asked}; /bin/sleep 2")
    with _job(run, tmp_path / "jobs", node) as job:
        for _ in range(3):
            job.send_signal(signal.SIGUSR2)
            job.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        job.wait(PATIENCE_SECONDS)
    assert asked.read_text() == "requeue 7_3\n"
    assert read_state(run) == ("interrupted", "")
    let_go(run)
    with _job(run, tmp_path / "jobs", node) as job:
        assert job.wait(PATIENCE_SECONDS) == 0
    undisturbed = _plan(tmp_path / "undisturbed", cohort)
    assert carry_out(undisturbed.path)
    assert same_weights(run, undisturbed)


@pytest.mark.parametrize("scontrol", [None, "exit 1"])
def test_a_job_that_cannot_be_queued_again_leaves_its_run_unharmed(
    cohort: Path, tmp_path: Path, scontrol: str | None
) -> None:
    run = _plan(tmp_path / "run", cohort, write_held_config(tmp_path / "held.yaml", 1))
    node = tmp_path / "node"
    node.mkdir()
    if scontrol is not None:
        _write_command(node, "scontrol", scontrol)
    with _job(run, tmp_path / "jobs", node) as job:
        job.send_signal(signal.SIGUSR2)
        assert job.wait(PATIENCE_SECONDS) != 0
    assert read_state(run) == ("interrupted", "")


def test_a_new_job_inherits_nothing_of_the_one_it_is_submitted_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SLURM_JOB_ID", "SBATCH_PARTITION", "SRUN_CPUS_PER_TASK", "RANK", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    with outside_any_job():
        assert not {"SLURM_JOB_ID", "SBATCH_PARTITION", "SRUN_CPUS_PER_TASK", "RANK"} & {
            *os.environ
        }
        assert os.environ["SLURM_CONF"] == "x"
    assert os.environ["SLURM_JOB_ID"] == "x"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("1:30", 2), ("01:00:00", 60), ("1-2", 26 * 60), ("1-02:30", 1590), ("0:20", 1)],
)
def test_times_are_read_as_slurm_writes_them(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "soon", "1:2:3:4", "-5", "1-", "0:0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--time must be minutes"):
        parse_minutes(text)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--launcher", "pbs"], "--launcher must be local or slurm; got 'pbs'."),
        (["--array-parallelism", "2"], "--array-parallelism goes with --launcher slurm."),
        (["--launcher", "slurm", "--jobs", "2"], "here say --array-parallelism"),
        (["--launcher", "slurm"], "There is no Slurm here (no sinfo on the PATH)"),
    ],
)
def test_what_cannot_be_submitted_is_said_before_anything_is_written(
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _refused(cohort, tmp_path, options, sentence)


def test_a_partition_that_slurm_does_not_have_is_said_with_those_it_has(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_command(tmp_path / "tools", "sinfo", "echo short; echo gpu")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    options = ["--launcher", "slurm", "--partition", "big"]
    _refused(cohort, tmp_path, options, "no such partition here; it has gpu, short.")


def test_what_slurm_refuses_is_said_in_its_words(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_command(tmp_path / "tools", "sinfo", "echo gpu")
    _write_command(tmp_path / "tools", "sbatch", "echo 'sbatch: error: Too much.' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    _refused(cohort, tmp_path, ["--launcher", "slurm"], "Slurm refuses such jobs: Too much.")


def _refused(cohort: Path, root: Path, options: list[str], sentence: str) -> None:
    file = write_sweep(root / "sweep.yaml", cohort, [{"epochs": 2}])
    result = CliRunner().invoke(app, ["sweep", str(file), "--out", str(root / "out"), *options])
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (root / "out").exists()


def _plan(path: Path, cohort: Path, *files: Path) -> RunFolder:
    config = small_config(cohort, path, *files, epochs=4)
    run = RunFolder(path)
    write_text(run.planned, yaml.safe_dump(config))
    return run


def _write_command(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


class _job:
    """Task 3 of array job 7, as submitit starts it on a node; entered after its first epoch."""

    def __init__(self, run: RunFolder, folder: Path, path: Path) -> None:
        folder.mkdir(exist_ok=True)
        pickle = folder / "7_3_submitted.pkl"
        if not pickle.exists():
            submission = DelayedSubmission(RunJob(str(run.path)))
            submission.set_timeout(60, 5)
            submission.dump(pickle)
        job = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
        self.run = run
        self.process = subprocess.Popen(
            [sys.executable, "-m", "submitit.core._submit", str(folder)],
            env={
                **os.environ,
                **job,
                "PATH": str(path),
                "SUBMITIT_EXECUTOR": "slurm",
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
            },
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while last_epoch(self.run) < 1:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.05)
        return self.process

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
