"""The configs as other people's tools see them: through MONAI's own entry point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medabl.engine import load_predictor, packaged_config, train
from medabl.errors import InputError
from medabl.runs import RunFolder
from tests.small_runs import SMALL, same_weights, small_config


@pytest.fixture(scope="module")
def bundle(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """python -m monai.bundle run --config_file "['wiring.yaml','wmh.yaml']" --data ... ."""
    folder = tmp_path_factory.mktemp("bundle") / "run"
    files = [str(packaged_config(name)) for name in ("wiring.yaml", "wmh.yaml")]
    keys = {**SMALL, "data": cohort, "run_dir": folder, "tensorboard": True}
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files)]
    command += [text for key, value in keys.items() for text in (f"--{key}", str(value))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return RunFolder.at(folder)


def test_monai_bundle_run_does_the_same(bundle: RunFolder, cohort: Path, tmp_path: Path) -> None:
    assert same_weights(train(small_config(cohort, tmp_path / "run")), bundle)
    assert list(bundle.tensorboard.iterdir())


def test_its_checkpoint_alone_cannot_predict(bundle: RunFolder) -> None:
    with pytest.raises(InputError, match="carries no config"):
        load_predictor(bundle.checkpoint("best"))


def test_its_folder_is_not_taken_over(bundle: RunFolder, cohort: Path) -> None:
    with pytest.raises(InputError, match="not made by medabl train"):
        train(small_config(cohort, bundle.path))
