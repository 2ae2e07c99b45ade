"""One step of the learning rate's schedule an epoch, or a training step."""

from __future__ import annotations

from ignite.engine import Engine, Events
from torch.optim.lr_scheduler import LRScheduler, PolynomialLR, ReduceLROnPlateau


class LearningRateHandler:
    """Steps a scheduler after each epoch, a `PolynomialLR` after each training step.

    That one is brought to end with the last step; a plateau scheduler is shown the key metric.

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
        if not isinstance(self.scheduler, PolynomialLR):
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)
            return
        engine.add_event_handler(Events.STARTED, self._count_steps)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Take the step."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(self.evaluator.state.metrics[self.metric])
        else:
            self.scheduler.step()

    def _count_steps(self, engine: Engine) -> None:
        assert isinstance(self.scheduler, PolynomialLR)
        self.scheduler.total_iters = engine.state.max_epochs * engine.state.epoch_length
