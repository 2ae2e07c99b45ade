"""How the runs of an experiment stand, on a terminal as a table that changes, else line by line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from medabl.experiments.state import OVER, Progress

_MOST_ROWS = 30
_OTHER_LINES = 6
_STYLES = {"done": "green", "failed": "red", "stopped": "yellow", "running": "bold"}


class View:
    """Shows the progress of runs.

    Args:
        console: where.
        jobs: how many run at the same time, for the time left.
        titles: what to call each run, by its name.
        metric: what to call their key metric.
    """

    def __init__(
        self, console: Console, jobs: int, titles: Mapping[str, str], metric: str = "metric"
    ) -> None:
        self.console = console
        self.jobs = jobs
        self.titles = titles
        self.metric = metric
        self._told: dict[str, tuple[str, int]] = {}
        self._start = time.monotonic()
        self._first: Mapping[str, Progress] = {}
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
        if not self._told:
            self._first = dict(runs)
            counts = Counter(run.state for run in runs.values())
            self._tell(f"{_count(len(runs))}: {', '.join(f'{n} {s}' for s, n in counts.items())}")
        ended = sum(self._tell_change(name, run) for name, run in runs.items())
        if ended:
            self._tell(self._summary(runs))
        if self.console.is_terminal:
            self._live.update(self.picture(runs), refresh=True)

    def picture(self, runs: Mapping[str, Progress]) -> Group:
        """What a terminal shows: the whole on one line, and a row a run."""
        return Group(self._whole(runs), "", self._table(runs))

    def _whole(self, runs: Mapping[str, Progress]) -> Table:
        """A bar over all epochs, and what there is to say of the whole."""
        line = Table.grid(padding=(0, 2))
        epochs = sum(run.epochs for run in runs.values())
        line.add_row(ProgressBar(max(epochs, 1), _epochs_over(runs), width=20), self._summary(runs))
        return line

    def _table(self, runs: Mapping[str, Progress]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("run")  # the only one that shrinks where there is too little room
        for heading in ("state", "epoch", "loss", self.metric, "best", "left"):
            table.add_column(Text(heading), justify="right", no_wrap=True)
        # Those that run come first, then what waits; what is over only as far as there is room.
        order = sorted(runs, key=lambda name: (runs[name].state != "running", _over(runs[name])))
        rows = max(1, min(_MOST_ROWS, self.console.height - _OTHER_LINES))
        for name in order[:rows]:
            run = runs[name]
            style = "yellow" if run.flag == "collapsed" else _STYLES.get(run.state, "dim")
            table.add_row(
                Text(self.titles[name], no_wrap=True, overflow="ellipsis"),
                _standing(run),
                f"{run.epoch}/{run.epochs}" if run.epoch else "",
                _number(run.loss, 4),
                _number(run.metric, 3),
                _number(run.best, 3),
                duration(run.seconds_left) if run.state == "running" else "",
                style=style,
            )
        if len(order) > rows:
            table.add_row(f"and {len(order) - rows} more", style="dim")
        return table

    def _summary(self, runs: Mapping[str, Progress]) -> str:
        over = sum(_over(run) for run in runs.values())
        elapsed = time.monotonic() - self._start
        text = f"{over} of {_count(len(runs))} over, {duration(elapsed)}"
        left = time_left(runs, self.jobs)
        if left and over > sum(map(_over, self._first.values())):
            # Runs also begin and are evaluated, which whole ones have shown the price of.
            before, epochs = _epochs_over(self._first), _epochs_over(runs)
            rest = sum(run.epochs for run in runs.values()) - epochs
            left = max(left, elapsed * rest / max(epochs - before, 1))
        return text if not left else f"{text}, about {duration(left)} left"

    def _tell_change(self, name: str, run: Progress) -> bool:
        """Print a line if a run began or ended, and without a table ten times in between.

        Returns:
            whether it is over now and was not before.
        """
        tenth = 0 if self.console.is_terminal else 10 * run.epoch // max(run.epochs, 1)
        now = (run.state, tenth if run.state == "running" else 0)
        before = self._told.get(name)
        self._told[name] = now
        if before is None or now == before:
            return False
        if run.state != "running" or not self.console.is_terminal:
            self._tell(f"{self.titles[name]}: {', '.join(self._facts(run))}")
        return _over(run)

    def _facts(self, run: Progress) -> list[str]:
        facts = [_standing(run)]
        if run.epoch:
            facts += [f"epoch {run.epoch}/{run.epochs}", f"loss {_number(run.loss, 4)}"]
            facts += [f"{self.metric} {_number(run.metric, 3)}"]
        if run.state == "running" and run.seconds_left > 0:
            facts.append(f"{duration(run.seconds_left)} left")
        return [*facts, run.error] if run.error else facts

    def _tell(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def time_left(runs: Mapping[str, Progress], jobs: int) -> float | None:
    """Seconds to the end of all runs, None while nothing tells how long an epoch takes."""
    known = [run.seconds for run in runs.values() if run.seconds == run.seconds]
    if not known:
        return None
    typical = sorted(known)[len(known) // 2]
    left = [
        (run.epochs - run.epoch) * (run.seconds if run.seconds == run.seconds else typical)
        for run in runs.values()
        if not _over(run)
    ]
    return max([sum(left) / jobs, *left])


def _standing(run: Progress) -> str:
    """Its state, or what is wrong with it where that says more."""
    if run.flag == "collapsed" and run.state == "done":
        return "done, collapsed"
    return run.flag if run.flag and run.state in ("running", "failed") else run.state


def _over(run: Progress) -> bool:
    return run.state in OVER


def _epochs_over(runs: Mapping[str, Progress]) -> int:
    return sum(run.epochs if _over(run) else run.epoch for run in runs.values())


def _count(runs: int) -> str:
    return f"{runs} run{'s' * (runs != 1)}"


def _number(value: float, digits: int) -> str:
    return "" if value != value else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """``12 s``, ``2 min 03 s`` or ``1 h 05 min``; nothing for NaN."""
    if seconds != seconds:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
