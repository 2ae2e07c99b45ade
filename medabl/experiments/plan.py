"""The runs of an experiment: their configs, checked before the first one starts, and folders."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medabl.engine import MAY_CHANGE, load_config
from medabl.errors import ConfigError, InputError
from medabl.runs import RunFolder

_SPECIAL = re.compile(r"[^\w=.,+-]+")
_LONGEST_NAME = 100  # bytes


@dataclass(frozen=True)
class PlannedRun:
    """A run that an experiment wants.

    Attributes:
        config: as from `load_config`, with its ``run_dir``.
        varies: the settings in which it differs from others.
    """

    config: dict[str, Any]
    varies: dict[str, Any]

    @property
    def folder(self) -> RunFolder:
        """Where it goes."""
        return RunFolder.at(self.config["run_dir"])

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.path.name


def plan_runs(
    base: Sequence[str | Path],
    common: Mapping[str, Any],
    combinations: Iterable[Mapping[str, Any]],
    out: Path,
) -> list[PlannedRun]:
    """The runs of all combinations of settings, each config checked.

    A run's folder is called after what it varies and a digest of all its settings; combinations
    that come to the same settings are one run. A folder with that digest that is there already is
    the run's, whatever varied when it was made, so that a sweep may grow.

    Args:
        base: config files.
        common: settings of every run.
        combinations: settings of each.
        out: folder of the run folders.

    Raises:
        ConfigError: (an InputError) with everything that is wrong in any of them.
    """
    runs: dict[str, PlannedRun] = {}
    problems: dict[str, list[str]] = {}
    there = _by_digest(out)
    wanted = list(combinations)
    for varies in wanted:
        try:
            config = load_config(base, {**common, **varies})
        except InputError as error:
            for problem in getattr(error, "problems", [str(error)]):
                problems.setdefault(problem, []).append(shown(varies))
            continue
        digest = settings_digest(config, varies)
        name = there.get(digest, f"{_file_name(varies)}-{digest}")
        path = (out / name).resolve()
        runs.setdefault(digest, PlannedRun({**config, "run_dir": str(path)}, dict(varies)))
    if problems:
        raise ConfigError(
            [
                text if len(where) == len(wanted) else _complaint(text, where)
                for text, where in problems.items()
            ]
        )
    return list(runs.values())


def settings_digest(config: Mapping[str, Any], varies: Iterable[str] = ()) -> str:
    """Eight hexadecimal digits that stand for all settings which can change a run's result.

    Args:
        config: as from `load_config`.
        varies: settings that tell runs apart even if they name a place only, such as ``data``.
    """
    places = set(MAY_CHANGE) - set(varies)
    decisive = {key: value for key, value in config.items() if key not in places}
    text = json.dumps(decisive, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def titles(runs: Sequence[PlannedRun]) -> dict[str, str]:
    """What to call each run, by its name: the settings in which the runs differ."""
    keys = dict.fromkeys(key for run in runs for key in run.varies)
    differ = [k for k in keys if len({_value(run.varies.get(k, "")) for run in runs}) > 1]
    return {
        run.name: ", ".join(
            _value(run.varies[key]) if key == "method" else f"{key}={_value(run.varies[key])}"
            for key in differ
            if key in run.varies
        )
        or run.name
        for run in runs
    }


def shown(varies: Mapping[str, Any]) -> str:
    """Settings in a line: ``method=gdl, seed=0``."""
    return ", ".join(f"{key}={_value(value)}" for key, value in varies.items())


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "+".join(map(_value, value))
    return "null" if value is None else str(value)


def _file_name(varies: Mapping[str, Any]) -> str:
    text = _SPECIAL.sub("_", shown(varies).replace(", ", ",").replace("::", "."))
    return (text or "run").encode()[:_LONGEST_NAME].decode(errors="ignore")


def _by_digest(out: Path) -> dict[str, str]:
    """The names of the run folders that are there, by the digest at their end."""
    names = [path.parent.name for path in sorted(out.glob("*/planned.yaml"))]
    return {name.rpartition("-")[2]: name for name in names}


def _complaint(text: str, where: Sequence[str]) -> str:
    others = len(where) - 1
    more = f" and {others} more combination{'s' * (others > 1)}" if others else ""
    return f"{text} ({where[0]}{more})"
