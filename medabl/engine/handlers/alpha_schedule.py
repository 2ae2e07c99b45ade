"""The loss's epoch."""

from __future__ import annotations

from typing import Protocol

from ignite.engine import Engine, Events


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
