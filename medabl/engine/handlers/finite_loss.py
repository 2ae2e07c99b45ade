"""A loss that is no number ends the training."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events

from medabl.errors import DivergedError


class FiniteLossHandler:
    """Stops at a loss that is NaN or infinite, before the epoch is validated or saved.

    On an accelerator the losses are looked at once, when the epoch ends, since looking at one
    waits for the device.
    """

    def __init__(self) -> None:
        self._bad_step: torch.Tensor | None = None

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._look)

    def _begin(self, engine: Engine) -> None:
        self._bad_step = None

    def __call__(self, engine: Engine) -> None:
        """Note the step if its loss is no number.

        Raises:
            DivergedError: on the CPU, if it is not.
        """
        loss = engine.state.output["loss"].detach()
        step = (engine.state.iteration - 1) % engine.state.epoch_length + 1
        if self._bad_step is None:
            self._bad_step = torch.zeros((), dtype=torch.long, device=loss.device)
        bad = ~torch.isfinite(loss).all() & (self._bad_step == 0)
        self._bad_step = torch.where(bad, step, self._bad_step)
        if loss.device.type == "cpu":
            self._look(engine)

    def _look(self, engine: Engine) -> None:
        step = int(self._bad_step) if self._bad_step is not None else 0
        if step:
            raise DivergedError(
                f"The loss is NaN or infinite in epoch {engine.state.epoch}, step {step} of"
                f" {engine.state.epoch_length}: lower learning_rate, or try precision=float32. The"
                " epoch before is kept in the run folder."
            )
