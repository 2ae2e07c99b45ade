"""Ignite handlers of one idea each: the loss's epoch, the randomness of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ignite.engine import Engine, Events
from monai.data import CacheDataset
from monai.transforms import Randomizable
from monai.utils import set_determinism

EPOCH_SEEDS = 100_003
"""Seeds of consecutive runs are this far apart, so that no two epochs share one."""


class _Scheduled(Protocol):
    def set_epoch(self, epoch: int) -> None: ...


class AlphaScheduleHandler:
    """Tells a scheduled loss the epoch, counted from 0, before each epoch.

    Args:
        loss: anything with ``set_epoch``, such as `medabl.losses.AlphaScheduledLoss`; a loss
            without it has no schedule and is left alone.

    Example:
        >>> from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, GeneralizedDiceLoss
        >>> loss = AlphaScheduledLoss(
        ...     GeneralizedDiceLoss(softmax=True, to_onehot_y=True),
        ...     ActiveBoundaryLoss(softmax=True, to_onehot_y=True),
        ...     epochs=3,
        ... )
        >>> alphas, trainer = [], Engine(lambda engine, batch: alphas.append(loss.alpha))
        >>> AlphaScheduleHandler(loss).attach(trainer)
        >>> _ = trainer.run([None], max_epochs=3)
        >>> [round(float(alpha), 3) for alpha in alphas]
        [1.0, 0.505, 0.01]
    """

    def __init__(self, loss: _Scheduled | object) -> None:
        self.loss = loss

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Set the loss's epoch to the trainer's, minus one."""
        set_epoch = getattr(self.loss, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(engine.state.epoch - 1)


class EpochSeedHandler:
    """Makes all randomness of an epoch a function of (seed, epoch).

    A run resumed at an epoch then draws what the uninterrupted run would have drawn, without
    anybody having saved the state of a random generator.

    Args:
        seed: the run's seed.
        datasets: datasets whose MONAI transforms draw random numbers of their own.
    """

    def __init__(self, seed: int, datasets: Sequence[Any] = ()) -> None:
        self.seed = seed
        self.datasets = datasets

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Reseed Python, NumPy, torch and the datasets' transforms."""
        seed = (self.seed * EPOCH_SEEDS + engine.state.epoch) % 2**32
        set_determinism(seed)
        for dataset in self.datasets:
            transform = dataset.transform if isinstance(dataset, CacheDataset) else None
            if isinstance(transform, Randomizable):
                transform.set_random_state(seed)
