"""The components a config names: that they exist and take the arguments they are given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pydoc import locate
from typing import Any

from monai.bundle import ComponentLocator

from medabl.engine.settings import closest
from medabl.losses.base import SegmentationLoss

_TARGET = "_target_"
_REFERENCE = re.compile(r"@(\w+)")
_FREE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def component_problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the components of a config, a sentence each.

    A component is a dictionary with ``_target_``: the dotted name of a class or function, or the
    bare name of one of MONAI's.
    """
    return [problem for where, part in _components(config) for problem in _problems(where, part)]


def referred_keys(config: Mapping[str, Any]) -> set[str]:
    """The top-level keys that something in the config refers to with ``@``."""
    return {name for text in _texts(config) for name in _REFERENCE.findall(text)}


@cache
def find_component(name: str) -> Any:
    """The class or function of a dotted name or a bare one of MONAI's; None if there is none."""
    if "." not in name:
        modules = _locator().get_component_module_name(name)
        if not isinstance(modules, str):
            return None
        name = f"{modules}.{name}"
    try:
        return locate(name)
    except Exception:  # pydoc wraps whatever importing the module raises
        return None


@cache
def _locator() -> ComponentLocator:
    return ComponentLocator()


def _problems(where: str, component: Mapping[str, Any]) -> list[str]:
    name = component[_TARGET]
    if not isinstance(name, str) or name.startswith(("$", "@")):
        return []
    target = find_component(name)
    if target is None:
        return [f"{where}: there is no component {name!r}; write a class as package.module.Class."]
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return []
    given = [key for key in component if not (key.startswith("_") and key.endswith("_"))]
    problems = []
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        problems = [
            f"{where}::{key} is no argument of {name}; {closest(key, parameters)}"
            for key in given
            if key not in parameters
        ]
    if component.get("_mode_", "default") == "default":
        problems += [
            f"{where} lacks the argument {key!r} of {name}."
            for key, p in parameters.items()
            if p.default is p.empty and p.kind not in _FREE and key not in given
        ]
        if not problems and isinstance(target, type) and issubclass(target, SegmentationLoss):
            problems = _refused_options(where, target, {key: component[key] for key in given})
    return problems


def _refused_options(
    where: str, loss: type[SegmentationLoss], options: Mapping[str, Any]
) -> list[str]:
    """What a loss says of those of its options that are plain values."""
    plain = {
        key: value
        for key, value in options.items()
        if not isinstance(value, Mapping) and not any(_texts(value))
    }
    try:
        loss(**plain)
    except ValueError as error:
        return [f"{where}: {error}"]
    return []


def _components(part: Any, where: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(part, Mapping):
        if _TARGET in part:
            yield where, part
        pairs = [(str(key), value) for key, value in part.items()]
    elif isinstance(part, (list, tuple)):
        pairs = [(str(index), value) for index, value in enumerate(part)]
    else:
        return
    for key, value in pairs:
        yield from _components(value, f"{where}::{key}" if where else key)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str) and part.startswith(("$", "@", "%")):
        yield part
    values = part.values() if isinstance(part, Mapping) else part
    if isinstance(part, (Mapping, list, tuple)):
        for value in values:
            yield from _texts(value)
