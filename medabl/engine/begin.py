"""The description of a run, written when it begins, and held against what a resumed one finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from medabl.data import Cohort
from medabl.errors import InputError
from medabl.files import read_json, write_json
from medabl.fingerprints import difference
from medabl.runs import RunFolder
from medabl.runs.environment import changes, environment
from medabl.task import Task

# Where a run computes, and where its files lie, may change between its parts; what it computes may
# not. The content of the subjects' files and of the split is compared instead of their place.
MAY_CHANGE = (
    "device", "num_workers", "cache_dir", "tensorboard", "mlflow", "data", "run_dir", "split"
)  # fmt: skip


def begin_run(folder: RunFolder, cohort: Cohort, task: Task, facts: Mapping[str, Any]) -> None:
    """Write ``run.json`` (status ``running``), ``split.json``, fingerprints and environment.

    Args:
        folder: the run's folder.
        cohort: whom it trains on and is evaluated on.
        task: what is segmented.
        facts: further entries of ``run.json``: method, seed, fold, ...
    """
    before = folder.read_info() if folder.info.is_file() else {}
    write_json(folder.split, cohort.split)
    write_json(folder.fingerprints, cohort.fingerprints)
    write_json(folder.environment, environment())
    folder.begin(
        {
            **facts,
            "task": task.model_dump(mode="json"),
            "test": bool(cohort.test),
            "warnings": before.get("warnings", []),
        }
    )


def check_same_config(folder: RunFolder, config: Mapping[str, Any]) -> None:
    """See that a folder's run was begun with this config.

    Raises:
        InputError: naming the first key that differs.
    """
    if not folder.config.is_file():
        raise InputError(
            f"{folder.path} holds a run that was not made by medabl train; choose another run_dir."
        )
    old = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    new = yaml.safe_load(yaml.safe_dump(dict(config)))
    keys = [key for key in {**old, **new} if key not in MAY_CHANGE]
    changed = [key for key in keys if old.get(key) != new.get(key)]
    if changed:
        key, before, now = _innermost(changed[0], old.get(changed[0]), new.get(changed[0]))
        raise InputError(
            f"{folder.path} holds a run with other settings ({key}: {before!r}, now {now!r});"
            " choose another run_dir, or remove it."
        )


def _innermost(key: str, old: Any, new: Any) -> tuple[str, Any, Any]:
    """The first key, however deep below another, whose values differ, and these."""
    while isinstance(old, Mapping) and isinstance(new, Mapping):
        inner = next(name for name in {**old, **new} if old.get(name) != new.get(name))
        key, old, new = f"{key}::{inner}", old.get(inner), new.get(inner)
    return key, old, new


def check_same_data(folder: RunFolder, cohort: Cohort) -> None:
    """See that a run's subjects are those it was begun with, to the byte, on the same sides.

    Raises:
        InputError: naming what changed.
    """
    changed = difference(read_json(folder.fingerprints), cohort.fingerprints)
    if changed is not None:
        raise InputError(
            f"{folder.path} was begun with other data: {changed} since. Restore the data as they"
            " were, or choose another run_dir."
        )
    before, now = read_json(folder.split), dict(cohort.split)
    for side in ("train", "val", "test"):
        if before.get(side) != now[side]:
            raise InputError(
                f"{folder.path} was begun with another split ({side} differs); restore it, or"
                " choose another run_dir."
            )


def note_changed_environment(folder: RunFolder) -> str | None:
    """Keep in ``run.json`` that a run goes on with other versions, and say so.

    Returns:
        the sentence, None if nothing changed.
    """
    changed = changes(read_json(folder.environment), environment())
    if not changed:
        return None
    note = f"Resumed in another environment ({', '.join(changed)}): last digits may differ."
    folder.update(warnings=[*folder.read_info().get("warnings", []), note])
    return note
