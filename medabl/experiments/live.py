"""How the runs of an experiment stand, on a terminal as a table that changes, else line by line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from medabl.experiments.state import OVER, Progress

_MOST_ROWS = 30
_STYLES = {"done": "green", "failed": "red", "stopped": "yellow", "running": "bold"}


class View:
    """Shows the progress of runs.

    Args:
        console: where.
        jobs: how many run at the same time, for the time left.
    """

    def __init__(self, console: Console, jobs: int) -> None:
        self.console = console
        self.jobs = jobs
        self._told: dict[str, tuple[str, int]] = {}
        self._start = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> View:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def show(self, runs: Mapping[str, Progress]) -> None:
        """Show all runs, by name, as they stand now."""
        if self.console.is_terminal:
            self._live.update(self._table(runs), refresh=True)
        self._tell_changes(runs)

    def _table(self, runs: Mapping[str, Progress]) -> Table:
        table = Table(caption=self._summary(runs), box=None, pad_edge=False)
        table.add_column("run", no_wrap=True, overflow="ellipsis")
        for heading in ("state", "epoch", "loss", "DSC", "best", "left"):
            table.add_column(heading, justify="right", no_wrap=True)
        # Those that run come first, then what waits; what is over only as far as there is room.
        order = sorted(runs, key=lambda name: (runs[name].state != "running", _over(runs[name])))
        for name in order[:_MOST_ROWS]:
            run = runs[name]
            state = "collapsed" if run.collapsed and run.state == "running" else run.state
            table.add_row(
                Text(name),
                state,
                f"{run.epoch}/{run.epochs}" if run.epoch else "",
                _number(run.loss, 4),
                _number(run.metric, 3),
                _number(run.best, 3),
                "" if _over(run) or run.state != "running" else duration(run.seconds_left),
                style="yellow" if state == "collapsed" else _STYLES.get(run.state, "dim"),
            )
        if len(order) > _MOST_ROWS:
            table.add_row(f"... and {len(order) - _MOST_ROWS} more", style="dim")
        return table

    def _summary(self, runs: Mapping[str, Progress]) -> str:
        over = sum(_over(run) for run in runs.values())
        text = f"{over} of {len(runs)} runs over, {duration(time.monotonic() - self._start)} so far"
        left = time_left(runs, self.jobs)
        return text if left is None else f"{text}, about {duration(left)} left"

    def _tell_changes(self, runs: Mapping[str, Progress]) -> None:
        """Print a line for each run that began or ended, and ten times in between without a bar."""
        for name, run in runs.items():
            tenth = 0 if self.console.is_terminal else 10 * run.epoch // max(run.epochs, 1)
            now = (run.state, tenth if run.state == "running" else 0)
            before = self._told.get(name)
            self._told[name] = now
            if before is None or now == before:
                continue
            line = f"{name}: {run.state}"
            if run.state == "running" and self.console.is_terminal:
                continue
            if run.epoch:
                line += f"  epoch {run.epoch}/{run.epochs}  loss {_number(run.loss, 4)}"
                line += f"  DSC {_number(run.metric, 3)}"
            if run.collapsed:
                line += "  collapsed"
            if run.error:
                line += f"  {run.error}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def time_left(runs: Mapping[str, Progress], jobs: int) -> float | None:
    """Seconds to the end of all runs, None while nothing tells how long an epoch takes."""
    known = [run.seconds for run in runs.values() if run.seconds == run.seconds]
    if not known:
        return None
    typical = sorted(known)[len(known) // 2]
    epochs = [
        (run.epochs - run.epoch) * (run.seconds if run.seconds == run.seconds else typical)
        for run in runs.values()
        if not _over(run)
    ]
    return sum(epochs) / min(jobs, max(len(epochs), 1))


def _over(run: Progress) -> bool:
    return run.state in OVER


def _number(value: float, digits: int) -> str:
    return "" if value != value else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """``2 min 03 s`` or ``1 h 05 min``; nothing for NaN."""
    if seconds != seconds:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
