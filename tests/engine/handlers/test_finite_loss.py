"""A loss that is no number ends a training and says where."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from torch import Tensor, nn

from medabl.engine import FiniteLossHandler, train
from medabl.errors import DivergedError
from medabl.files import read_json
from medabl.runs import RunFolder, load_checkpoint
from tests.small_runs import small_config


class Breaks(nn.Module):
    """Cross-entropy, and NaN from the 12th step of the process on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """B x C x H x W logits and B x 1 x H x W labels to a scalar."""
        self.steps += 1
        loss = nn.functional.cross_entropy(logits, label[:, 0].long())
        return loss * float("nan") if self.steps >= 12 else loss


BREAKS = """
methods::breaks:
  label: Breaks
  loss: {_target_: tests.engine.handlers.test_finite_loss.Breaks}
  distance_map: []
method: breaks
batch_size: 2
"""


def test_a_run_that_diverges_ends_with_epoch_and_step(cohort: Path, tmp_path: Path) -> None:
    """16 slices, 8 steps an epoch: the 12th step is the 4th of epoch 2."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(BREAKS)
    config = small_config(cohort, tmp_path / "run", mine)
    expected = "The loss is NaN or infinite in epoch 2, step 4 of 8: lower learning_rate"
    with pytest.raises(DivergedError, match=expected):
        train(config)
    folder = RunFolder(tmp_path / "run")
    info = read_json(folder.info)
    assert info["status"] == "failed"
    assert expected in info["error"]
    assert load_checkpoint(folder.checkpoint("last"))["epoch"] == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_any_loss_that_is_no_number_counts_and_the_first_is_named(bad: float) -> None:
    losses = [1.0, 2.0, bad, 1.0, bad]
    trainer = Engine(lambda _, index: {"loss": torch.tensor(losses[index])})
    FiniteLossHandler().attach(trainer)
    with pytest.raises(DivergedError, match="epoch 1, step 3 of 5"):
        trainer.run(range(5), max_epochs=2)


def test_numbers_pass() -> None:
    trainer = Engine(lambda _, index: {"loss": torch.tensor(float(index))})
    FiniteLossHandler().attach(trainer)
    assert trainer.run(range(5), max_epochs=2).epoch == 2
