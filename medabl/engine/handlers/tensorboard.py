"""TensorBoard, for those who want it."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine
from monai.handlers import TensorBoardStatsHandler

from medabl.errors import InputError
from medabl.processors import is_first_process
from medabl.runs import RunFolder


def tensorboard_handlers(enabled: bool, folder: RunFolder, evaluator: Engine) -> list[Any]:
    """Handlers that log loss and validation metrics to the run folder, none if not enabled.

    Args:
        enabled: whether there are any.
        folder: the run's folder, which gets the logs.
        evaluator: its metrics are logged.

    Raises:
        InputError: if TensorBoard is asked for and not installed.
    """
    if not enabled or not is_first_process():
        return []
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise InputError(
            "tensorboard=true needs TensorBoard: pip install medabl[tensorboard]."
        ) from error
    log_dir = str(folder.tensorboard)
    validation = TensorBoardStatsHandler(
        log_dir=log_dir,
        iteration_log=False,
        global_epoch_transform=lambda _: evaluator.state.epoch,
    )
    validation.attach(evaluator)
    return [
        TensorBoardStatsHandler(
            log_dir=log_dir, tag_name="train_loss", output_transform=lambda output: output["loss"]
        )
    ]
