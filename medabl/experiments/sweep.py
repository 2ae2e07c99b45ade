"""Carrying out the runs of an experiment: what is missing, however often it is begun."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from medabl.data import Cohort
from medabl.engine import pick_device, settings_of
from medabl.engine.metrics import metric_name
from medabl.errors import InputError
from medabl.experiments.launcher import Launcher
from medabl.experiments.live import View
from medabl.experiments.options import Options
from medabl.experiments.plan import PlannedRun, titles
from medabl.experiments.pool import Pool, check_jobs, default_jobs
from medabl.experiments.prepare import CACHE, check_data, preprocess, try_parts
from medabl.experiments.slurm import SlurmLauncher
from medabl.experiments.state import (
    OVER,
    Progress,
    State,
    forget_failure,
    mark_stopped,
    read_progress,
)
from medabl.files import check_writable, write_text
from medabl.runs import RunFolder, locked


def check_runs(
    runs: Sequence[PlannedRun], out: Path, options: Options, console: Console
) -> dict[str, Cohort]:
    """See that what is missing of some runs can be carried out; writes nothing.

    Args:
        runs: all runs of the experiment.
        out: its folder.
        options: how they will be carried out.
        console: where to tell about it.

    Returns:
        the cohort of each run that is wanted, by its name.

    Raises:
        InputError: if data, folder or options cannot be used, or a network or loss refuses.
    """
    cohorts = find_work(runs, out, options, console)
    try_parts([run for run in runs if run.name in cohorts], list(cohorts.values()))
    return cohorts


def find_work(
    runs: Sequence[PlannedRun], out: Path, options: Options, console: Console
) -> dict[str, Cohort]:
    """What is missing of some runs, its data checked; networks and losses are not tried.

    Arguments, returned value and errors but for these are those of `check_runs`.
    """
    count_jobs(runs, options)
    if options.slurm is not None:
        options.slurm.check()
    check_writable(out)
    if RunFolder(out).info.is_file():
        raise InputError(f"{out} is the folder of a single run; choose another --out.")
    for device in {str(run.config["device"]) for run in runs}:
        pick_device(device)
    todo = [run for run in runs if is_wanted(progress_of(run), options)]
    with console.status("Reading and checking every file"):
        cohorts = check_data(todo)
    return dict(zip([run.name for run in todo], cohorts, strict=True))


def carry_out(
    runs: Sequence[PlannedRun],
    todo: Mapping[str, Cohort],
    out: Path,
    options: Options,
    console: Console,
) -> dict[str, Progress]:
    """Carry out what is missing of some runs, on this machine or by Slurm.

    Args:
        runs: all runs of the experiment.
        todo: from `check_runs`.
        out: the experiment's folder, locked while it works.
        options: how.
        console: where to tell about it.

    Returns:
        how each run stands in the end, by name.

    Raises:
        InputError: if another process works on the folder.
    """
    wanted = [run for run in runs if run.name in todo]
    with locked(out, shared=True):
        if wanted:
            _prepare(wanted, todo, out, console)
            launcher = _launcher(runs, wanted, out, options)
            with View(console, launcher.jobs, titles(runs), _metric(runs)) as view:
                _Loop(runs, wanted, launcher, options, view).run()
        standing = {run.name: progress_of(run) for run in runs}
        if all(progress.state == "done" for progress in standing.values()):
            shutil.rmtree(out / CACHE, ignore_errors=True)
    return standing


def progress_of(run: PlannedRun) -> Progress:
    """How a run stands."""
    task = settings_of(run.config).task
    return read_progress(run.folder, run.config["epochs"], task.key_metric, task.higher_is_better)


def is_wanted(progress: Progress, options: Options) -> bool:
    """Whether a run that stands so is to be carried out."""
    if progress.state in ("failed", "stopped"):
        return options.retry_failed
    return progress.state != "done"


def count_jobs(runs: Sequence[PlannedRun], options: Options) -> int:
    """How many runs are carried out at the same time: no more than there are.

    Raises:
        InputError: if a number was asked for that means nothing.
    """
    jobs = options.jobs
    if jobs is None:
        jobs = default_jobs(str(runs[0].config["device"]))
    check_jobs(jobs)
    return min(jobs, len(runs))


def _metric(runs: Sequence[PlannedRun]) -> str:
    metrics = {settings_of(run.config).task.key_metric for run in runs}
    return metric_name(metrics.pop()) if len(metrics) == 1 else "metric"


def _launcher(
    runs: Sequence[PlannedRun], wanted: Sequence[PlannedRun], out: Path, options: Options
) -> Launcher:
    if options.slurm is not None:
        return SlurmLauncher(options.slurm, out, [run.folder.path for run in wanted])
    return Pool(count_jobs(runs, options), str(runs[0].config["device"]))


def _prepare(
    runs: Sequence[PlannedRun], cohorts: Mapping[str, Cohort], out: Path, console: Console
) -> None:
    """Preprocess the runs' data once for all, and write each run's plan into its folder."""
    done: set[str] = set()
    with console.status("Preprocessing"):
        for run in runs:
            config = dict(run.config)
            if config["cache_dir"] is None:
                config["cache_dir"] = str((out / CACHE).resolve())
            preprocess(PlannedRun(config, run.varies), cohorts[run.name], done)
            write_text(run.folder.planned, yaml.safe_dump(config, sort_keys=False))


class _Loop:
    """Hands runs to the launcher and watches them."""

    def __init__(
        self,
        runs: Sequence[PlannedRun],
        todo: Sequence[PlannedRun],
        launcher: Launcher,
        options: Options,
        view: View,
    ) -> None:
        self.standing: dict[str, Progress] = {run.name: progress_of(run) for run in runs}
        self.by_path = {run.folder.path: run for run in runs}
        others = [run for run in todo if run.folder.path not in launcher.busy]
        self.waiting = deque(run for run in others if self.standing[run.name].state != "running")
        self.elsewhere = [run for run in others if self.standing[run.name].state == "running"]
        self.launcher = launcher
        self.options = options
        self.view = view
        self.stopped: set[Path] = set()

    def run(self) -> None:
        self.view.show(self.standing)
        try:
            while self.waiting or self.launcher.busy or self.elsewhere:
                while self.waiting and self.launcher.free:
                    folder = self.waiting.popleft().folder
                    forget_failure(folder)
                    self.launcher.start(folder.path)
                self._look(self.launcher.poll())
        finally:
            self.launcher.close()

    def _look(self, over: Sequence[Path]) -> None:
        for path in self.launcher.busy:
            run = self.by_path[path]
            # The launcher knows it at once; a heartbeat comes and goes with some delay.
            state: State = "running" if self.launcher.is_running(path) else "pending"
            progress = replace(progress_of(run), state=state, diverged=False, error="")
            self.standing[run.name] = progress
            if progress.hopeless and self.options.stop_collapsed:
                self.stopped.add(path)
                self.launcher.stop(path)
        for path in over:
            run = self.by_path[path]
            self.standing[run.name] = self._ended(run)
        for run in list(self.elsewhere):
            self.standing[run.name] = progress_of(run)
            if self.standing[run.name].state != "running":
                self.elsewhere.remove(run)
                if self.standing[run.name].state not in OVER:
                    self.waiting.append(run)
        self.view.show(self.standing)

    def _ended(self, run: PlannedRun) -> Progress:
        progress = progress_of(run)
        if progress.state != "done" and run.folder.path in self.stopped:
            mark_stopped(run.folder, progress)
            progress = progress_of(run)
        return progress


def not_done(standing: Mapping[str, Progress], again: str) -> str:
    """One sentence about the runs that are not done, empty if all are.

    Args:
        standing: from `carry_out`.
        again: what begins failed ones again.
    """
    open_runs = {name: run for name, run in standing.items() if run.state != "done"}
    if not open_runs:
        return ""
    name, first = next(iter(open_runs.items()))
    if all(run.state not in OVER for run in open_runs.values()):
        again = "the same command"
    error = f", {first.error.rstrip('.')}" if first.error else ""
    return (
        f"{len(open_runs)} of {len(standing)} runs are not done ({name}: {first.state}{error});"
        f" {again} begins them again."
    )
