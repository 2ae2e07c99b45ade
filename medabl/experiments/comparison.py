"""The comparison of losses: which runs it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medabl.data import Subject, groups_of
from medabl.data.split import validation_count
from medabl.engine import load_config
from medabl.errors import InputError
from medabl.experiments.plan import PlannedRun
from medabl.report.words import count

METHODS = ("gdl", "gdl_bl", "gdl_abl")
"""The rows of the paper's table: keys of `methods` in ``configs/wiring.yaml``."""

LEAVE_ONE_OUT = 5
"""Up to this many patients are held out in turn by default: in a single split too few validate."""

_PLANNED = ("method", "seed", "fold", "folds", "run_dir", "data")


@dataclass(frozen=True)
class Preset:
    """A size of the comparison.

    Attributes:
        configs: medabl's config files, later over earlier.
        phantom_subjects: subjects of the phantom cohort that stands in for missing data.
        phantom_size: and their size.
        gigabytes: disk space that one run may need.
        methods: what is compared by default; empty: the method that the configs choose.
        published: whether its losses are held against their published numbers, and judged at the
            best epoch as these are; else at the last one, which no subject had a say in.
    """

    configs: tuple[str, ...]
    phantom_subjects: int
    phantom_size: str
    gigabytes: float
    methods: tuple[str, ...] = METHODS
    published: bool = True


PRESETS = {
    "quick": Preset(("wmh.yaml", "quick.yaml"), 20, "small", 0.05),
    "recommended": Preset(
        ("wmh.yaml", "quick.yaml", "recommended.yaml"), 20, "small", 0.05, (), published=False
    ),
    "paper": Preset(("wmh.yaml",), 60, "full", 0.5),
}


@dataclass(frozen=True)
class Comparison:
    """The runs of a comparison.

    Attributes:
        runs: a run for every method with every seed in every fold.
        folds: number of folds, None for a single split.
    """

    runs: list[PlannedRun]
    folds: int | None


def plan_comparison(
    preset: str,
    data: Path,
    out: Path,
    subjects: Sequence[Subject],
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    folds: int | None = None,
    configs: Sequence[str | Path] = (),
    overrides: Mapping[str, Any] | None = None,
) -> Comparison:
    """The runs of a comparison: every method with every seed in every fold.

    Args:
        preset: key of `PRESETS`.
        data: folder with the subjects.
        out: run folders go to ``out/runs``.
        subjects: those in `data`.
        methods: keys of `methods` in the config; by default the preset's.
        seeds: seeds of initial weights and order; the split does not change with them.
        folds: number of folds; by default each of up to five patients is held out in turn, and
            more are split once, as the config says.
        configs: further config files over the preset's, with methods of the user's own perhaps.
        overrides: further config keys.

    Raises:
        InputError: if there are too few subjects, or an argument means nothing.
    """
    overrides = dict(overrides or {})
    planned = sorted(set(overrides) & set(_PLANNED))
    if planned:
        raise InputError(
            f"{planned[0]} cannot be overridden here: the comparison sets it for each of its runs;"
            " use the command's own options (--losses, --seeds, --folds, --out, --data), where it"
            " has them."
        )
    files = [*PRESETS[preset].configs, *configs]
    base = load_config(files, {**overrides, "data": str(data)})
    folds = _folds(preset, base, data, subjects, folds)
    methods = methods or PRESETS[preset].methods or (base["method"],)
    runs = []
    for seed in dict.fromkeys(seeds):
        for fold in range(folds or 1):
            for method in dict.fromkeys(methods):
                varies = {"method": method, "seed": seed, "fold": fold, "folds": folds}
                name = f"{method}-s{seed}" + (f"-f{fold}" if folds else "")
                place = {"data": str(data), "run_dir": str(out / "runs" / name)}
                runs.append(PlannedRun(load_config(files, overrides | varies | place), varies))
    return Comparison(runs, folds)


def _folds(
    preset: str,
    base: Mapping[str, Any],
    data: Path,
    subjects: Sequence[Subject],
    folds: int | None,
) -> int | None:
    """How many folds, None for a single split, having seen that the subjects suffice."""
    patients, scans = len(groups_of(subjects, base["group_by"])), len(subjects)
    if folds is not None and base["split"] is not None:
        raise InputError("Give either folds or split: a split file allows for one fold only.")
    if scans < 2:
        raise InputError(
            f"{data} holds 1 subject; a comparison needs at least two, one to train on and one to"
            " evaluate on: name the folder that holds all of yours."
        )
    if patients < 2:
        raise InputError(
            f"The {scans} subjects of {data} are scans of one patient by group_by="
            f"{base['group_by']}; a comparison needs at least two patients: if they are of"
            " different ones, set group_by=none."
        )
    if folds is not None and not 2 <= folds <= patients:
        whom = count(patients, "patient" if patients < scans else "subject")
        allowed = f"2 to {patients}" if patients > 2 else "2"
        raise InputError(f"{count(folds, 'fold')} cannot divide {whom}; give {allowed}.")
    if folds is not None or base["split"] is not None:
        return folds
    if patients <= LEAVE_ONE_OUT:
        return patients
    held_out = validation_count(base["validation"], scans)
    if scans < held_out + 2:
        raise InputError(
            f"The split of the {preset} preset holds out {held_out} subjects and needs at least"
            f" {held_out + 2}, but {data} holds {scans}; give folds (--folds 5) instead."
        )
    return None
