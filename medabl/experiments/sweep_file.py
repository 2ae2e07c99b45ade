"""A sweep's YAML file: which settings vary, and over which values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medabl.errors import InputError
from medabl.mistakes import mistakes


class SweepFile(BaseModel):
    """The content of a sweep file, with the keys ``base``, ``set``, ``grid`` and ``list``.

    Attributes:
        base: config files, later over earlier.
        common: settings of every run (``set``).
        grid: setting -> values; every combination is a run.
        single: further single runs, each a dictionary of settings (``list``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[list[str], Field(min_length=1)]
    common: dict[str, Any] = Field(default_factory=dict, alias="set")
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    single: list[dict[str, Any]] = Field(default_factory=list, alias="list")

    def combinations(self) -> Iterator[dict[str, Any]]:
        """The settings that vary, run by run: the grid's combinations, then the list's."""
        if self.grid or not self.single:
            for values in itertools.product(*self.grid.values()):
                yield dict(zip(self.grid, values, strict=True))
        yield from self.single


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
        raise InputError(f"{path} must hold the keys base, set, grid and list.")
    try:
        sweep = SweepFile.model_validate(content)
    except ValidationError as error:
        problems = [f"{where}{text}" for where, text in mistakes(error.errors()).items()]
        raise InputError(
            f"{path} is no sweep ({'; '.join(problems)}): it has the keys base (config files), set,"
            " grid (key: [values]) and list (- {key: value})."
        ) from error
    keys = {*sweep.common, *sweep.grid, *(key for one in sweep.single for key in one)}
    if "run_dir" in keys:
        raise InputError(f"{path} sets run_dir, which the sweep chooses for each of its runs.")
    return sweep.model_copy(update={"base": [_found(path.parent, name) for name in sweep.base]})


def _found(folder: Path, name: str) -> str:
    return str(folder / name) if (folder / name).is_file() else name
