"""A progress bar for a run."""

from __future__ import annotations

from ignite.engine import Engine, Events
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn

from medabl.engine.metrics import metric_name
from medabl.processors import is_first_process


class ProgressHandler:
    """Shows loss, alpha, key metric and the time left; on no terminal, a line now and then.

    Args:
        label: what the run is called.
        evaluator: the engine that validates.
        loss: its ``alpha`` is shown, if it has one.
        metric: name of the evaluator's metric that is shown.
    """

    def __init__(self, label: str, evaluator: Engine, loss: nn.Module, metric: str) -> None:
        self.label = label
        self.metric = metric
        self.evaluator = evaluator
        self.loss = loss
        self.measured: list[str] = []
        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self.task = self.progress.add_task(label, status="", start=False)

    def attach(self, engine: Engine) -> None:
        """Register with a trainer, of several processes the first one's."""
        if not is_first_process():
            return
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch)
        engine.add_event_handler(Events.COMPLETED | Events.EXCEPTION_RAISED, self._stop)

    def _start(self, engine: Engine) -> None:
        total = engine.state.max_epochs * engine.state.epoch_length
        self.progress.start_task(self.task)
        self.progress.update(self.task, total=total, completed=engine.state.iteration)
        self.progress.start()

    def _advance(self, engine: Engine) -> None:
        self.progress.update(self.task, completed=engine.state.iteration)

    def _begin(self, engine: Engine) -> None:
        self.progress.update(self.task, status=self._status(engine))

    def _epoch(self, engine: Engine) -> None:
        epoch, last = engine.state.epoch, engine.state.max_epochs
        self.measured = [
            f"loss {float(engine.state.metrics['train_loss']):.4f}",
            f"{metric_name(self.metric)} {float(self.evaluator.state.metrics[self.metric]):.3f}",
        ]
        status = self._status(engine)
        self.progress.update(self.task, status=status)
        # A log file gets ten lines a run, not a bar's control characters.
        if not self.console.is_terminal and (epoch == last or epoch % max(1, last // 10) == 0):
            self.console.print(
                f"{self.label}: {status}", highlight=False, markup=False, soft_wrap=True
            )

    def _status(self, engine: Engine) -> str:
        """The epoch, its alpha and, once there is one, what the last whole epoch came to."""
        parts = [f"epoch {engine.state.epoch}/{engine.state.max_epochs}"]
        alpha = getattr(self.loss, "alpha", None)
        if alpha is not None:
            parts.append(f"alpha {float(alpha):.2f}")
        return "  ".join([*parts, *self.measured])

    def _stop(self, engine: Engine, error: BaseException | None = None) -> None:
        self.progress.stop()
        if error is not None:
            raise error
