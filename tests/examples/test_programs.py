"""The programs that train on made data, and the notebook, learn what they set out to learn."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from matplotlib import pyplot as plt
from monai.utils import set_determinism

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = ("plain_pytorch", "monai_2d", "monai_3d", "ignite_engine")


@pytest.fixture(autouse=True)
def same_random_numbers_as_before() -> Iterator[None]:
    """MONAI's `set_determinism` reaches beyond the program that calls it."""
    yield
    set_determinism(None)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_trains_a_network_that_segments(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(EXAMPLES / f"{program}.py"), run_name="__main__")
    dice = re.findall(r"^Dice ([\d.]+)$", capsys.readouterr().out, re.MULTILINE)
    assert float(dice[-1]) > 0.9


def test_the_notebook_trains_predicts_and_draws(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    mpl.use("Agg")
    notebook = json.loads((EXAMPLES / "phantom.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells)
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), "phantom.ipynb", "exec"), names)
    (row,) = names["evaluation"].subjects.to_dict("records")
    assert row["reference_ml"] > 0
    assert row["dsc"] > 0.2
    assert len(plt.get_fignums()) == 2
    plt.close("all")


def test_a_resumed_lightning_run_goes_on_with_its_alpha(tmp_path: Path, monkeypatch) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    example = runpy.run_path(str(EXAMPLES / "lightning_module.py"))
    monkeypatch.chdir(tmp_path)
    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}
    first = lightning.Trainer(max_epochs=2, **quiet)
    first.fit(example["Segmenter"](), example["scans"]())
    first.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = example["Segmenter"]()
    resumed.load_state_dict(torch.load(tmp_path / "stopped.ckpt", weights_only=False)["state_dict"])
    assert resumed.loss.epoch == 1
    second = lightning.Trainer(max_epochs=8, **quiet)
    second.fit(resumed, example["scans"](), ckpt_path=tmp_path / "stopped.ckpt")
    assert resumed.loss.epoch == 7
    assert resumed.loss.alpha == pytest.approx(0.7)
