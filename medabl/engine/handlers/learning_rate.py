"""One step of the learning rate's schedule an epoch, or a training step."""

from __future__ import annotations

from ignite.engine import Engine, Events
from torch.optim.lr_scheduler import LRScheduler, PolynomialLR, ReduceLROnPlateau


class LearningRateHandler:
    """Steps a scheduler after each epoch, a `PolynomialLR` after each training step.

    A plateau scheduler is shown the key metric.

    Attach it after the `ValidationHandler`.

    Args:
        scheduler: any of torch's.
        evaluator: the engine that validates.
        metric: name of the metric a `ReduceLROnPlateau` watches.
    """

    def __init__(self, scheduler: LRScheduler, evaluator: Engine, metric: str) -> None:
        self.scheduler = scheduler
        self.evaluator = evaluator
        self.metric = metric

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        each_step = isinstance(self.scheduler, PolynomialLR)
        when = Events.ITERATION_COMPLETED if each_step else Events.EPOCH_COMPLETED
        engine.add_event_handler(when, self)

    def __call__(self, engine: Engine) -> None:
        """Take the step."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(self.evaluator.state.metrics[self.metric])
        else:
            self.scheduler.step()
