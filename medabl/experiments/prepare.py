"""What runs share is done once for all of them: checking the data, preprocessing volumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medabl.data import Cohort, cached_volumes
from medabl.engine import Settings, check_cohort, find_cohort, settings_of
from medabl.engine.build import parse, refused_parts
from medabl.engine.recipe import write_recipe
from medabl.errors import ConfigError, InputError
from medabl.experiments.plan import PlannedRun

CACHE = "cache"


def check_data(runs: Sequence[PlannedRun]) -> list[Cohort]:
    """Split the subjects of every run, and read and check each data set once.

    Returns:
        the runs' cohorts.

    Raises:
        InputError: naming the first bad file, or why a split cannot be made.
    """
    cohorts = []
    checked: set[Any] = set()
    for run in runs:
        settings = settings_of(run.config)
        cohort = find_cohort(settings)
        cohorts.append(cohort)
        key = (_data_key(settings), settings.task.model_dump_json(), settings.slice_axis)
        if key not in checked:
            check_cohort(cohort, settings)
            checked.add(key)
    return cohorts


def try_parts(runs: Sequence[PlannedRun], cohorts: Sequence[Cohort]) -> None:
    """Try the network of every run on a blank image, those that are alike once, and make its loss.

    Raises:
        ConfigError: (an InputError) naming each run whose network or loss refuses, in the words of
            the component that did.
    """
    tried: set[str] = set()
    problems = []
    for run, cohort in zip(runs, cohorts, strict=True):
        settings = settings_of(run.config)
        shapes = [settings.width, settings.image_size, settings.modalities, settings.task.classes]
        key = json.dumps([run.config["network"], *shapes], default=str)
        refused = refused_parts(run.config, settings, cohort, network=key not in tried)
        problems += [f"{run.name}: {sentence}" for sentence in refused]
        tried.add(key)
    if problems:
        raise ConfigError(problems)


def preprocess(run: PlannedRun, cohort: Cohort, done: set[str]) -> None:
    """Preprocess the volumes of a run into its ``cache_dir``, but for those a run before had.

    Runs whose config has no ``train_volumes`` read their images as they need them.

    Args:
        run: its config says how and where.
        cohort: whose volumes.
        done: what has been preprocessed; added to.
    """
    settings = settings_of(run.config)
    if run.config["train_volumes"] is None:
        return
    recipe = write_recipe(run.config, parse(run.config, settings, cohort)) or {}
    key = json.dumps([_data_key(settings), recipe.get("preprocess", run.name)], default=str)
    todo = [s for s in (*cohort.train, *cohort.val) if f"{key} {s.id}" not in done]
    if settings.cache_dir is None or not todo:
        return
    done.update(f"{key} {subject.id}" for subject in todo)
    transform = parse(run.config, settings, cohort).get_parsed_content("preprocess")
    for subject in todo:
        cached_volumes([subject], transform, settings.cache_dir)


def check_space(out: Path, gigabytes: float) -> None:
    """See that a folder's disk has room.

    Raises:
        InputError: if it has less than that.
    """
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if free < gigabytes:
        raise InputError(
            f"{out} has {free:.1f} GB free and the runs may need {gigabytes:.1f} GB;"
            " make room or choose another --out."
        )


def _data_key(settings: Settings) -> tuple[Any, ...]:
    return (str(settings.data), settings.modalities, settings.mask_name)
