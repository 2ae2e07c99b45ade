"""Every example runs as it is, and is short."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.[!i]*")), ids=lambda path: path.name)
def test_an_example_has_less_than_sixty_lines(path):
    assert len(path.read_text().splitlines()) < 60


def test_the_lightning_module_trains(tmp_path):
    pytest.importorskip("pytorch_lightning")
    command = [sys.executable, EXAMPLES / "lightning_module.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"'alpha': 0\.5\b", done.stdout)


def test_a_resumed_lightning_run_has_its_alpha(tmp_path, monkeypatch):
    pl = pytest.importorskip("pytorch_lightning")
    monkeypatch.syspath_prepend(EXAMPLES)
    from lightning_module import Balls, Segmenter
    from torch.utils.data import DataLoader

    monkeypatch.chdir(tmp_path)
    options = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}
    first = pl.Trainer(max_epochs=2, **options)
    first.fit(Segmenter(3, (1, 1, 1)), DataLoader(Balls(), batch_size=4))
    first.save_checkpoint(tmp_path / "a.ckpt")
    module = Segmenter(3, (1, 1, 1))
    second = pl.Trainer(max_epochs=3, **options)
    second.fit(module, DataLoader(Balls(), batch_size=4), ckpt_path=tmp_path / "a.ckpt")
    assert module.loss.epoch == 2
    assert module.loss.alpha == pytest.approx(0.5)


def test_nnunet_finds_the_trainers_of_the_example(monkeypatch):
    pytest.importorskip("nnunetv2", reason="medabl[nnunet] is not installed")
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    from medabl.nnunet import TRAINERS

    folders = os.pathsep.join(map(str, (TRAINERS, EXAMPLES / "nnunet")))
    monkeypatch.setenv("nnUNet_extTrainer", folders)
    found = recursive_find_trainer_class_by_name("nnUNetTrainerABL_250epochs")
    assert found.alpha_end == 0.5
    assert recursive_find_trainer_class_by_name("nnUNetTrainerFKL").__doc__
