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
from medabl.errors import InputError
from medabl.runs import RunFolder

_SPECIAL = re.compile(r"[^\w=.,+-]+")
_LONGEST_NAME = 100


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
    that come to the same settings are one run.

    Args:
        base: config files.
        common: settings of every run.
        combinations: settings of each.
        out: folder of the run folders.

    Raises:
        InputError: with everything that is wrong in any of them.
    """
    runs: dict[str, PlannedRun] = {}
    problems: dict[str, list[str]] = {}
    for varies in combinations:
        try:
            config = load_config(base, {**common, **varies})
        except InputError as error:
            problems.setdefault(str(error), []).append(shown(varies))
            continue
        digest = settings_digest(config)
        path = (out / f"{_file_name(varies)}-{digest}").resolve()
        runs.setdefault(digest, PlannedRun({**config, "run_dir": str(path)}, dict(varies)))
    if problems:
        raise InputError("\n".join(_complaint(text, where) for text, where in problems.items()))
    return list(runs.values())


def settings_digest(config: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that stand for all settings which can change a run's result."""
    decisive = {key: value for key, value in config.items() if key not in MAY_CHANGE}
    text = json.dumps(decisive, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def shown(varies: Mapping[str, Any]) -> str:
    """Settings in a line: ``method=gdl, seed=0``."""
    return ", ".join(f"{key}={_value(value)}" for key, value in varies.items())


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "+".join(map(_value, value))
    return "null" if value is None else str(value)


def _file_name(varies: Mapping[str, Any]) -> str:
    text = _SPECIAL.sub("_", shown(varies).replace(", ", ",").replace("::", "."))
    return (text or "run")[:_LONGEST_NAME]


def _complaint(text: str, where: Sequence[str]) -> str:
    named = [combination for combination in where if combination]
    if not named:
        return text
    more = f" and {len(named) - 1} more combinations" if len(named) > 1 else ""
    return f"{text} ({named[0]}{more})"
