"""The WMH comparison, end to end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from medabl.data import Subject, find_subjects
from medabl.engine import pick_device
from medabl.errors import InputError, UnfinishedError
from medabl.experiments.claim import claim, refuse_other_contents
from medabl.experiments.comparison import PRESETS, Comparison, plan_comparison
from medabl.experiments.options import Options
from medabl.experiments.prepare import check_space
from medabl.experiments.sweep import carry_out, check_runs, not_done
from medabl.phantom import write_phantom_cohort
from medabl.processors import peak_memory
from medabl.report import write_report
from medabl.report.boundary_evolution import write_boundary_evolution
from medabl.report.words import count

PHANTOM_GIGABYTES = 2.5


@dataclass(frozen=True)
class Settings:
    """What the user asked for.

    Attributes:
        data: folder with the subjects, None for the phantom cohort.
        out: folder for everything that is made.
        preset: key of `PRESETS`.
        seeds: seeds of the runs.
        modalities: images to use, in channel order.
        folds: folds of a cross-validation.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        methods: which losses; by default the preset's.
        overrides: further config keys.
        configs: further config files over the preset's, with the user's own methods perhaps.
        reference: the method that the others are compared with; by default every pair is.
        options: how the runs are carried out.
    """

    data: Path | None
    out: Path
    preset: str
    seeds: tuple[int, ...]
    modalities: tuple[str, ...]
    folds: int | None
    device: str
    methods: tuple[str, ...] = ()
    overrides: dict[str, Any] | None = None
    configs: tuple[Path, ...] = ()
    reference: str | None = None
    options: Options = field(default_factory=lambda: Options(retry_failed=True))


def reproduce(settings: Settings, console: Console) -> Path:
    """Data in, table, figures and report out; what is there already is not done again.

    Args:
        settings: what to do.
        console: where to tell about it.

    Returns:
        the path of ``report.html``.

    Raises:
        InputError: if data, arguments or the output folder cannot be used; before any training.
        UnfinishedError: if a run failed.
    """
    start = time.perf_counter()
    pick_device(settings.device)
    if settings.preset not in PRESETS:
        raise InputError(f"preset must be one of {', '.join(PRESETS)}; got {settings.preset!r}.")
    refuse_other_contents(settings.out, _asked(settings))
    data = settings.data if settings.data is not None else _phantom(settings, console)
    subjects = find_subjects(data, settings.modalities)
    comparison = plan_comparison(
        settings.preset,
        data,
        settings.out,
        subjects,
        methods=settings.methods,
        seeds=settings.seeds,
        folds=settings.folds,
        configs=settings.configs,
        overrides={
            **(settings.overrides or {}),
            "modalities": list(settings.modalities),
            "device": settings.device,
        },
    )
    runs = comparison.runs
    check_space(settings.out, _gigabytes(settings, len(runs)))
    _describe(subjects, comparison, console)
    todo = check_runs(runs, settings.out, settings.options, console)
    claim(settings.out, _asked(settings))
    for run in runs:
        if run.name not in todo:
            console.print(f"{run.name}: was there already", highlight=False)
    standing = carry_out(runs, todo, settings.out, settings.options, console)
    if sentence := not_done(standing, "the same command"):
        raise UnfinishedError(sentence)
    folders = [run.folder.path for run in runs]
    published = PRESETS[settings.preset].published
    decides = "best" if published else "last"
    report = write_report(folders, settings.out, settings.reference, published, decides)
    write_boundary_evolution(folders, settings.out / "figures")
    console.print(_cost(time.perf_counter() - start), highlight=False)
    return report


def _asked(settings: Settings) -> dict[str, Any]:
    """What must not change while a comparison's folder is filled."""
    return {
        "data": str(settings.data.resolve()) if settings.data else None,
        "preset": settings.preset,
        "modalities": list(settings.modalities),
        "folds": settings.folds,
        "overrides": settings.overrides or {},
        "configs": [str(path.resolve()) for path in settings.configs],
    }


def _phantom(settings: Settings, console: Console) -> Path:
    preset = PRESETS[settings.preset]
    folder = settings.out / "phantom"
    claim(settings.out, _asked(settings))
    console.print(f"No --data given: the phantom cohort, {preset.phantom_subjects} subjects.")
    write_phantom_cohort(folder, subjects=preset.phantom_subjects, seed=0, size=preset.phantom_size)
    return folder


def _describe(subjects: Sequence[Subject], comparison: Comparison, console: Console) -> None:
    sites = sorted({subject.site for subject in subjects} - {""})
    where = f" of {len(sites)} sites ({', '.join(sites)})" if sites else ""
    split = f"{comparison.folds} folds" if comparison.folds else "one split"
    runs = count(len(comparison.runs), "run")
    console.print(f"{len(subjects)} subjects{where}, {split}, {runs}", highlight=False)


def _gigabytes(settings: Settings, runs: int) -> float:
    """Disk space that runs, and the phantom cohort if it is made, may need."""
    needed = runs * PRESETS[settings.preset].gigabytes
    if settings.data is None:
        needed += PHANTOM_GIGABYTES if settings.preset == "paper" else 0.2
    return needed


def _cost(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    peak = peak_memory()
    memory = "" if peak is None else f", at most {peak / 2**30:.1f} GiB of memory"
    return f"Took {minutes} min {rest} s{memory}."
