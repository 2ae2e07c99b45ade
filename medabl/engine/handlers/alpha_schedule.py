"""The loss's epoch."""

from __future__ import annotations

import warnings

from ignite.engine import Engine, Events
from torch import nn

from medabl.losses import scheduled_losses


class AlphaScheduleHandler:
    """Tells a scheduled loss the epoch, counted from 0, before each epoch.

    The loss may be wrapped, in `TargetLoss` or MONAI's `DeepSupervisionLoss` say: every part with
    ``set_epoch`` is told.

    Args:
        loss: a module with scheduled losses in it, such as `medabl.losses.AlphaScheduledLoss`.
        required: whether a loss without any schedule is refused; False leaves it alone.

    Raises:
        ValueError: if nothing in the loss has a schedule, and one is required.

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

    def __init__(self, loss: nn.Module, required: bool = True) -> None:
        self.scheduled = scheduled_losses(loss)
        if required and not self.scheduled:
            raise ValueError(
                f"Nothing in {type(loss).__name__} has a schedule (a method set_epoch); leave the"
                " handler out, or set required=False."
            )

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Set the epoch of every scheduled loss to the trainer's, minus one."""
        epoch = engine.state.epoch - 1
        for loss in self.scheduled:
            before = getattr(loss, "epoch", 0)
            if before > epoch:
                warnings.warn(
                    f"{type(loss).__name__} goes back from epoch {before} to {epoch}: it was"
                    " restored and the trainer was not. Save and restore the trainer's epoch, too.",
                    stacklevel=2,
                )
            loss.set_epoch(epoch)
