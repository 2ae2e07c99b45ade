"""MLflow, for those who want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine
from monai.handlers import MLFlowHandler

from medabl.errors import InputError
from medabl.processors import is_first_process
from medabl.runs import RunFolder


def mlflow_handlers(
    enabled: bool, folder: RunFolder, evaluator: Engine, parameters: Mapping[str, Any]
) -> list[Any]:
    """Handlers that log each epoch's loss and validation metrics to MLflow, none if not enabled.

    The store is an SQLite file in the run folder, or what ``MLFLOW_TRACKING_URI`` names. There the
    run is called as its folder, in an experiment called as the folder above; one that was
    interrupted goes on.

    Args:
        enabled: whether there are any.
        folder: the run's folder.
        evaluator: its metrics are logged.
        parameters: of the run, logged once.

    Raises:
        InputError: if MLflow is asked for and not installed.
    """
    if not enabled or not is_first_process():
        return []
    try:
        import mlflow  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise InputError("mlflow=true needs MLflow: pip install medabl[mlflow].") from error
    place = {
        "tracking_uri": f"sqlite:///{folder.mlflow}",
        "experiment_name": folder.path.parent.name or "medabl",
        "run_name": folder.path.name,
        "iteration_log": False,
    }
    validation = MLFlowHandler(global_epoch_transform=lambda _: evaluator.state.epoch, **place)
    validation.attach(evaluator)
    return [MLFlowHandler(experiment_param=dict(parameters), close_on_complete=True, **place)]
