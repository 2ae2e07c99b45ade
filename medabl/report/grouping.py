"""Which runs are repeats of one method, and which differ in what an experiment varies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medabl.report.runs import FILE, Run

# Settings that make no other method: repeats, names, places and hardware.
_REPEATS = ("seed", "fold", "folds", "split", "split_seed", "validation", "test")
_NAMES = ("method", "label", "name", "data", "run_dir", "cache_dir")
_HARDWARE = ("device", "num_workers", "tensorboard", "mlflow")
_NO_METHOD = frozenset(_REPEATS + _NAMES + _HARDWARE)


def plain_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a resolved config to its plain values: ``{"network.width": 8}``.

    Left out are expressions and references (``$...``, ``@...``, ``%...``), which follow from
    other values, settings that make no other method (seed, fold, paths, hardware), and what the
    config says of methods that the run does not use.
    """
    own = f"methods.{config.get('method')}."
    return {
        key: value
        for key, value in _flatten(config)
        if key.split(".")[0] not in _NO_METHOD
        and (key.startswith(own) or not key.startswith("methods."))
    }


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}.")
        elif not _refers(value):
            yield name, value


def _refers(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("$", "@", "%"))


def group_by_what_varies(runs: Sequence[Run]) -> list[Run]:
    """Give every run the method and label of its group.

    A method's runs that differ in their label or in their settings are groups of their own, named
    by label and by what varies among them; CSVs that share a name are told apart by their folders.
    """
    stems = [run.name for run in runs if run.folder is None]
    trained: dict[str, list[Run]] = {}
    for run in runs:
        if run.folder is not None:
            trained.setdefault(run.method, []).append(run)
    varying = {method: _short_names(_varying(mine)) for method, mine in trained.items()}
    result = []
    for run in runs:
        method, label = run.method, run.label
        if run.folder is None and (stems.count(run.name) > 1 or run.name in trained):
            method = label = f"{run.evaluations[FILE].path.resolve().parent.name}/{run.name}"
        elif run.folder is not None:
            if len({other.label for other in trained[method]}) > 1:
                method = label
            values = [
                f"{name}={_short(run.settings[key])}"
                for key, name in varying[run.method].items()
                if run.settings.get(key) is not None
            ]
            label = ", ".join([label, *values])
            method = ", ".join([method, *values])
        result.append(replace(run, method=method, label=label))
    return _with_distinct_labels(result)


def merge_same_folder(runs: Iterable[Run]) -> list[Run]:
    """Join what was given more than once: a run by its folder and again by one of its CSVs."""
    merged: dict[Path, Run] = {}
    for run in runs:
        source = run.folder if run.folder is not None else run.evaluations[FILE].path
        key = source.resolve()
        if key in merged:
            merged[key].evaluations.update(run.evaluations)
        else:
            merged[key] = run
    return list(merged.values())


def _with_distinct_labels(runs: Sequence[Run]) -> list[Run]:
    """Add the method's name to a label that several methods carry."""
    methods: dict[str, set[str]] = {}
    for run in runs:
        methods.setdefault(run.label, set()).add(run.method)
    return [
        run if len(methods[run.label]) == 1 else replace(run, label=f"{run.label} ({run.method})")
        for run in runs
    ]


def _varying(runs: Sequence[Run]) -> list[str]:
    """The settings that vary among runs of the same label.

    Where labels differ already, what they stand for needs no second name.
    """
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    found = []
    for key in keys:
        values: dict[str, set[str]] = {}
        for run in runs:
            values.setdefault(run.label, set()).add(repr(run.settings.get(key)))
        if any(len(held) > 1 for held in values.values()):
            found.append(key)
    return found


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """Name each nested key by its last part, where no other ends in the same."""
    last = {key: key.rsplit(".", 1)[-1] for key in keys}
    ends = list(last.values())
    return {key: name if ends.count(name) == 1 else key for key, name in last.items()}


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_short, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
