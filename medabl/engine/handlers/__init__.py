"""Ignite handlers of a run, one idea each."""

from medabl.engine.handlers.alpha_schedule import AlphaScheduleHandler
from medabl.engine.handlers.checkpoint import CheckpointHandler
from medabl.engine.handlers.epoch_log import EpochLogHandler
from medabl.engine.handlers.epoch_seed import EpochSeedHandler
from medabl.engine.handlers.finite_loss import FiniteLossHandler
from medabl.engine.handlers.learning_rate import LearningRateHandler
from medabl.engine.handlers.mlflow import mlflow_handlers
from medabl.engine.handlers.progress import ProgressHandler
from medabl.engine.handlers.snapshots import SnapshotHandler
from medabl.engine.handlers.tensorboard import tensorboard_handlers

__all__ = [
    "AlphaScheduleHandler",
    "CheckpointHandler",
    "EpochLogHandler",
    "EpochSeedHandler",
    "FiniteLossHandler",
    "LearningRateHandler",
    "ProgressHandler",
    "SnapshotHandler",
    "mlflow_handlers",
    "tensorboard_handlers",
]
