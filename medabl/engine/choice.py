"""One of several things that a config offers, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medabl.engine.settings import closest
from medabl.errors import InputError


def one_of(choices: Mapping[str, Any], name: str, key: str) -> Any:
    """The choice of that name.

    Args:
        choices: name -> what it stands for.
        name: which of them.
        key: the key of the config that says so, for the error.

    Raises:
        InputError: if there is none of that name.
    """
    if name not in choices:
        raise InputError(f"{key}={name} is not known; {closest(str(name), choices)}")
    return choices[name]
