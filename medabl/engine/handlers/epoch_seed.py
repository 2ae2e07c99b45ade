"""The randomness of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ignite.engine import Engine, Events
from monai.utils import set_determinism

from medabl.data import epoch_seed


class EpochSeedHandler:
    """Makes all randomness of an epoch a function of (seed, epoch).

    A run resumed at an epoch then draws what the uninterrupted run would have drawn, without
    anybody having saved the state of a random generator.

    Args:
        seed: the run's seed.
        parts: data sets and samplers with ``set_epoch``, which draw from generators of their own.
    """

    def __init__(self, seed: int, parts: Sequence[Any] = ()) -> None:
        self.seed = seed
        self.parts = parts

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Reseed Python, NumPy and torch, and tell the parts the epoch."""
        set_determinism(epoch_seed(self.seed, engine.state.epoch))
        for part in self.parts:
            part.set_epoch(engine.state.epoch)
