"""From a config to a trained network and its evaluation."""

from medabl.engine.batch import TargetLoss, mean_loss, predicted_class, prepare_training_batch
from medabl.engine.checkpoint import CheckpointHandler, load_checkpoint
from medabl.engine.device import pick_device
from medabl.engine.epoch_log import EpochLogHandler
from medabl.engine.handlers import AlphaScheduleHandler, EpochSeedHandler
from medabl.engine.judge import judge_run
from medabl.engine.predict import Predictor, load_predictor, scan_subject
from medabl.engine.progress import ProgressHandler
from medabl.engine.run_folder import RunFolder
from medabl.engine.snapshots import SnapshotHandler
from medabl.engine.tensorboard import tensorboard_handlers
from medabl.engine.train import load_config, packaged_config, parse_overrides, train

__all__ = [
    "AlphaScheduleHandler",
    "CheckpointHandler",
    "EpochLogHandler",
    "EpochSeedHandler",
    "Predictor",
    "ProgressHandler",
    "RunFolder",
    "SnapshotHandler",
    "TargetLoss",
    "judge_run",
    "load_checkpoint",
    "load_config",
    "load_predictor",
    "mean_loss",
    "packaged_config",
    "parse_overrides",
    "pick_device",
    "predicted_class",
    "prepare_training_batch",
    "scan_subject",
    "tensorboard_handlers",
    "train",
]
