"""One run that was left alone and one that was killed, for all tests of resuming."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from medabl.engine import train
from medabl.files import write_json
from medabl.runs import RunFolder, load_checkpoint
from tests.engine.interrupted import KILLED, SETTINGS, Interrupted
from tests.small_runs import small_config


@pytest.fixture(scope="session")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("split") / "split.json"
    ids = ["Utrecht/0", "Utrecht/7", "Utrecht/14", "Amsterdam/GE3T/21", "Amsterdam/GE3T/28"]
    write_json(path, {"train": ids[:3], "val": ids[3:]})
    return path


@pytest.fixture(scope="session")
def whole(cohort: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run as nobody killed it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return train(small_config(cohort, folder, split=str(split), **SETTINGS))


@pytest.fixture(scope="session")
def killed_once(cohort: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    config = small_config(cohort, folder / "run", split=str(split), **SETTINGS)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-c", KILLED, str(folder / "config.yaml")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    assert RunFolder(folder / "run").status() == "running"
    assert load_checkpoint(RunFolder(folder / "run").checkpoint("last"))["epoch"] == 2
    return folder / "run"


@pytest.fixture
def interrupted(tmp_path: Path, cohort: Path, split: Path, killed_once: Path) -> Interrupted:
    return Interrupted(tmp_path, cohort, split, killed_once)
