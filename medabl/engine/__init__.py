"""From a config to a trained network and its evaluation."""

from medabl.engine.batch import (
    AuxiliaryLoss,
    TargetLoss,
    mean_loss,
    predicted_class,
    prepare_training_batch,
)
from medabl.engine.begin import MAY_CHANGE, begin_run
from medabl.engine.choice import one_of
from medabl.engine.config import load_config, packaged_config, parse_overrides, settings_of
from medabl.engine.device import count_workers, pick_device, pick_precision
from medabl.engine.distributed import share_size, train_share, validation_share
from medabl.engine.evaluate_pictures import evaluate_pictures
from medabl.engine.evaluate_run import evaluate_run
from medabl.engine.evaluate_videos import VideoEvaluation, segment_video
from medabl.engine.handlers import (
    AlphaScheduleHandler,
    CheckpointHandler,
    EpochLogHandler,
    EpochSeedHandler,
    FiniteLossHandler,
    LearningRateHandler,
    ProgressHandler,
    SnapshotHandler,
    mlflow_handlers,
    tensorboard_handlers,
)
from medabl.engine.learning_rate import learning_rate_schedule
from medabl.engine.metrics import is_better, key_metric, other_metrics
from medabl.engine.multi_scale import MultiScaleInferer
from medabl.engine.parallel import batch_loss, parallel
from medabl.engine.predict import Predictor, load_predictor, scan_subject
from medabl.engine.run import check_cohort, find_cohort, train
from medabl.engine.settings import Settings
from medabl.engine.trainer import Trainer
from medabl.engine.video import PrepareVideos, VideoInferer, mean_similarity
from medabl.runs import RunFolder, load_checkpoint

__all__ = [
    "MAY_CHANGE",
    "AlphaScheduleHandler",
    "AuxiliaryLoss",
    "CheckpointHandler",
    "EpochLogHandler",
    "EpochSeedHandler",
    "FiniteLossHandler",
    "LearningRateHandler",
    "MultiScaleInferer",
    "Predictor",
    "PrepareVideos",
    "ProgressHandler",
    "RunFolder",
    "Settings",
    "SnapshotHandler",
    "TargetLoss",
    "Trainer",
    "VideoEvaluation",
    "VideoInferer",
    "batch_loss",
    "begin_run",
    "check_cohort",
    "count_workers",
    "evaluate_pictures",
    "evaluate_run",
    "find_cohort",
    "is_better",
    "key_metric",
    "learning_rate_schedule",
    "load_checkpoint",
    "load_config",
    "load_predictor",
    "mean_loss",
    "mean_similarity",
    "mlflow_handlers",
    "one_of",
    "other_metrics",
    "packaged_config",
    "parallel",
    "parse_overrides",
    "pick_device",
    "pick_precision",
    "predicted_class",
    "prepare_training_batch",
    "scan_subject",
    "segment_video",
    "settings_of",
    "share_size",
    "tensorboard_handlers",
    "train",
    "train_share",
    "validation_share",
]
