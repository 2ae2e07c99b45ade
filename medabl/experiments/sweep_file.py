"""A sweep's YAML file: which settings vary, and over which values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medabl.errors import InputError
from medabl.mistakes import mistakes

_Grid: TypeAlias = dict[str, Annotated[list[Any], Field(min_length=1)]]


class SweepFile(BaseModel):
    """The content of a sweep file: keys ``base``, ``set``, ``grid``, ``list`` and ``repeat``.

    Attributes:
        base: config files, later over earlier.
        common: settings of every run (``set``).
        grid: setting -> values; every combination is a run.
        single: further single runs, each a dictionary of settings (``list``).
        repeat: setting -> values; all of these runs are done with every combination.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[list[str], Field(min_length=1)]
    common: dict[str, Any] = Field(default_factory=dict, alias="set")
    grid: _Grid = Field(default_factory=dict)
    single: list[dict[str, Any]] = Field(default_factory=list, alias="list")
    repeat: _Grid = Field(default_factory=dict)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """The settings that vary, run by run: the grid's combinations, then the list's.

        With `repeat` all of them come with its first values before any comes with the next.
        """
        runs = list(self.single)
        if self.grid or not self.single:
            runs = [*_combinations(self.grid), *runs]
        for again in _combinations(self.repeat):
            yield from ({**run, **again} for run in runs)


def _combinations(grid: _Grid) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def read_sweep_file(path: Path) -> SweepFile:
    """Read a sweep file; names of config files in it may be relative to its folder.

    Raises:
        InputError: naming everything that is wrong with it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path} must hold the keys base, set, grid, list and repeat.")
    try:
        sweep = SweepFile.model_validate(content)
    except ValidationError as error:
        problems = [f"{where}{text}" for where, text in mistakes(error.errors()).items()]
        raise InputError(
            f"{path} is no sweep ({'; '.join(problems)}): it has the keys base (config files), set,"
            " grid (key: [values]), list (- {key: value}) and repeat (key: [values])."
        ) from error
    varied = {*sweep.grid, *(key for one in sweep.single for key in one)}
    if twice := sorted(varied & set(sweep.repeat)):
        raise InputError(
            f"{path} sets {', '.join(twice)} in repeat and in grid or list: leave one of them out."
        )
    if "run_dir" in {*sweep.common, *varied, *sweep.repeat}:
        raise InputError(f"{path} sets run_dir, which the sweep chooses for each of its runs.")
    return sweep.model_copy(update={"base": [_found(path.parent, name) for name in sweep.base]})


def _found(folder: Path, name: str) -> str:
    return str(folder / name) if (folder / name).is_file() else name
