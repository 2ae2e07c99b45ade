"""The comparison of losses: which runs it takes, and carrying them out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medabl.data.split import validation_count
from medabl.engine import load_config, train
from medabl.errors import InputError
from medabl.runs import RunFolder

METHODS = ("gdl", "gdl_bl", "gdl_abl")
"""The rows of the paper's table: keys of `methods` in ``configs/wmh.yaml``."""

LEAVE_ONE_OUT = 5
"""Up to this many subjects are held out in turn by default: a single split would judge too few."""


@dataclass(frozen=True)
class Preset:
    """A size of the comparison.

    Attributes:
        configs: medabl's config files, later over earlier.
        phantom_subjects: subjects of the phantom cohort that stands in for missing data.
        phantom_size: and their size.
        gigabytes: disk space that one run may need.
    """

    configs: tuple[str, ...]
    phantom_subjects: int
    phantom_size: str
    gigabytes: float


PRESETS = {
    "quick": Preset(("wmh.yaml", "quick.yaml"), 20, "small", 0.05),
    "paper": Preset(("wmh.yaml",), 60, "full", 0.5),
}


@dataclass(frozen=True)
class Comparison:
    """The runs of a comparison.

    Attributes:
        configs: a resolved config a run.
        folds: number of folds, None for a single split.
    """

    configs: list[dict[str, Any]]
    folds: int | None

    @property
    def folders(self) -> list[RunFolder]:
        """The runs' folders."""
        return [RunFolder.at(config["run_dir"]) for config in self.configs]


def plan_comparison(
    preset: str,
    data: Path,
    out: Path,
    subjects: int,
    *,
    methods: Sequence[str] = METHODS,
    seeds: Sequence[int] = (0,),
    folds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Comparison:
    """The runs of a comparison: every method with every seed in every fold.

    Args:
        preset: key of `PRESETS`.
        data: folder with the subjects.
        out: run folders go to ``out/runs``.
        subjects: how many subjects there are.
        methods: keys of `methods` in the config.
        seeds: seeds of initial weights and order; the split does not change with them.
        folds: number of folds; by default each of up to five subjects is held out in turn, and
            more are split once, as the config says.
        overrides: further config keys.

    Raises:
        InputError: if there are too few subjects, or an argument means nothing.
    """
    files = PRESETS[preset].configs
    base = load_config(files, {**(overrides or {}), "data": str(data)})
    planned = sorted(set(overrides or ()) & {"method", "seed", "fold", "folds", "run_dir", "data"})
    if planned:
        raise InputError(
            f"{planned[0]} cannot be overridden here: the comparison sets it for each of its runs;"
            " use --losses, --seeds, --folds, --out and --data."
        )
    if folds is not None and base["split"] is not None:
        raise InputError("Give either folds or split: a split file allows for one fold only.")
    unknown = [method for method in methods if method not in base["methods"]]
    if unknown:
        raise InputError(f"No loss {unknown[0]!r}; there are {', '.join(base['methods'])}.")
    if subjects < 2:
        raise InputError(f"{data} holds {subjects} subject; a comparison needs at least two.")
    if folds is None and subjects <= LEAVE_ONE_OUT and base["split"] is None:
        folds = subjects
    held_out = validation_count(base["validation"], subjects)
    if folds is None and base["split"] is None and subjects < held_out + 2:
        raise InputError(
            f"The split of the {preset} preset holds out {held_out} subjects and needs at least"
            f" {held_out + 2}, but {data} holds {subjects}; give folds (--folds 5) instead."
        )
    if folds is not None and not 2 <= folds <= subjects:
        raise InputError(f"{folds} folds cannot divide {subjects} subjects; give 2 to {subjects}.")
    configs = []
    for seed in dict.fromkeys(seeds):
        for fold in range(folds or 1):
            for method in dict.fromkeys(methods):
                name = f"{method}-s{seed}" + (f"-f{fold}" if folds else "")
                values = {"method": method, "seed": seed, "fold": fold, "folds": folds}
                configs.append({**base, **values, "run_dir": str((out / "runs" / name).resolve())})
    return Comparison(configs, folds)


def run_all(comparison: Comparison) -> Iterator[tuple[int, RunFolder, bool]]:
    """Carry out what is missing of a comparison, one run after another, in this process.

    Yields:
        number of the run, its folder, and whether it was already done.
    """
    for number, config in enumerate(comparison.configs):
        folder = RunFolder.at(config["run_dir"])
        before = folder.status() == "done"
        # The files were checked once for all runs.
        train(config, check=False)
        # Engines and their handlers refer to each other: only the collector frees a run's volumes.
        gc.collect()
        yield number, folder, before
