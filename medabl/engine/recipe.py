"""What a checkpoint says of its network and preprocessing: plain data, no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monai.bundle import ConfigParser
from monai.inferers import Inferer
from monai.transforms import Transform
from torch import nn

from medabl.engine.components import find_component
from medabl.errors import InputError
from medabl.task import Task

PARTS = ("network", "preprocess", "volume_inferer", "modalities", "slice_axis", "segmentation")
"""The keys of the config that prediction needs."""

_PLAIN = (bool, int, float, str, type(None))
_PACKAGES = ("monai.", "torch.nn.", "medabl.")
_FORBIDDEN = ("monai.transforms.io", "monai.bundle", "monai.apps")
_FUNCTIONS = ("medabl.data.foreground",)


def write_recipe(config: Mapping[str, Any], parser: ConfigParser) -> dict[str, Any] | None:
    """The parts of a config that prediction needs, every reference and expression in them resolved.

    Args:
        config: settings and wiring.
        parser: of the same config, and used for nothing else: each expression resets it.

    Returns:
        plain data in MONAI's config syntax; None if an expression gives something that no plain
        data can say, such as a function.
    """
    try:
        return {part: _plain(config, parser, f"@{part}") for part in PARTS}
    except _NotPlainError:
        return None


def read_recipe(recipe: Mapping[str, Any], trust: bool = False) -> dict[str, Any]:
    """Build what a recipe describes.

    Args:
        recipe: from a checkpoint.
        trust: also call components that are none of MONAI's, torch.nn's or medabl's.

    Returns:
        an object for each of `PARTS`.

    Raises:
        InputError: if the recipe names another component or holds an expression, without `trust`.
    """
    if not trust:
        for where, foreign in _foreign(recipe):
            raise InputError(
                f"The checkpoint's {where} is {foreign!r}, which is no network, transform or"
                " inferer of MONAI, torch.nn or medabl; if you trust its author, add --trust."
            )
    parser = ConfigParser(dict(recipe))
    return {part: parser.get_parsed_content(part) for part in PARTS}


class _NotPlainError(Exception):
    pass


def _plain(config: Mapping[str, Any], parser: ConfigParser, part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: _plain(config, parser, value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(config, parser, item) for item in part if not _disabled(parser, item)]
    if isinstance(part, str) and part.startswith("@"):
        if part[1:] not in config:  # a nested key
            return _plain_value(_evaluate(parser, f"${part}"))
        return _plain(config, parser, config[part[1:]])
    if isinstance(part, str) and part.startswith("$"):
        return _plain_value(_evaluate(parser, part))
    return _plain_value(part)


def _disabled(parser: ConfigParser, part: Any) -> bool:
    if not isinstance(part, Mapping) or "_disabled_" not in part:
        return False
    flag = part["_disabled_"]
    return bool(_evaluate(parser, flag) if isinstance(flag, str) else flag)


def _evaluate(parser: ConfigParser, expression: str) -> Any:
    parser["_expression_"] = expression
    try:
        return parser.get_parsed_content("_expression_")
    finally:
        parser.config.pop("_expression_")


def _plain_value(value: Any) -> Any:
    if isinstance(value, Task):
        return {"_target_": "medabl.task.Task", **value.model_dump(mode="json")}
    if isinstance(value, Mapping):
        return {key: _plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_value(item) for item in value]
    if not isinstance(value, _PLAIN):
        raise _NotPlainError
    return value


def _foreign(part: Any, where: str = "recipe") -> Iterator[tuple[str, str]]:
    """Components that are not allowed, and expressions."""
    if isinstance(part, str) and part.startswith(("$", "%")):
        yield where, part
    if isinstance(part, Mapping):
        target = part.get("_target_")
        if target is not None and not (isinstance(target, str) and _allowed(target)):
            yield where, str(target)
        for key, value in part.items():
            yield from _foreign(value, str(key))
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _foreign(value, where)


def _allowed(target: str) -> bool:
    # The name is looked at before anything is imported, the object after.
    if "." in target and not target.startswith(_PACKAGES):
        return False
    if target in _FUNCTIONS:
        return True
    component = find_component(target)
    home = getattr(component, "__module__", "") + "."
    if not home.startswith(_PACKAGES) or home.startswith(_FORBIDDEN):
        return False
    return isinstance(component, type) and (
        issubclass(component, (nn.Module, Transform, Task, Inferer))
        or home.startswith("monai.inferers.")
    )
