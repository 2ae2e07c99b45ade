"""A config made into objects; mistakes in it told in the words of the component they hit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn

from medabl.data import Cohort
from medabl.engine.config import FURTHER_PATHS
from medabl.engine.settings import Settings
from medabl.errors import DivergedError, InputError

_COMPONENT = re.compile(r"Failed to instantiate component '([^']+)'")
_WRAPPER = re.compile(r"Failed to (instantiate component|evaluate) ")


def parse(config: Mapping[str, Any], settings: Settings, cohort: Cohort) -> ConfigParser:
    """A parser of the config, in which paths and cohort stand as objects.

    MONAI reads a ``#`` in a text as a separator of keys; a path that is an object may hold one.
    """
    objects = {key: value for key, value in settings if isinstance(value, Path)}
    objects |= {key: Path(config[key]) for key in FURTHER_PATHS if config.get(key)}
    return ConfigParser({**config, **objects, "cohort": cohort})


def build(parser: ConfigParser, settings: Settings) -> None:
    """Instantiate all that a run needs, the network first, which is tried on a blank image.

    Raises:
        InputError: in the words of the component that refused.
        OSError: if files cannot be read.
    """
    try:
        parser.get_parsed_content("initialize")
        network = parser.get_parsed_content("placed_network")
        device = parser.get_parsed_content("torch_device")
        _try(network, settings, device, parser.get_parsed_content("blank"))
        parser.get_parsed_content("trainer")
    except Exception as error:
        raise _mistake(error) from error


def refused_parts(
    config: Mapping[str, Any], settings: Settings, cohort: Cohort, network: bool = True
) -> list[str]:
    """What is wrong with a config's network, tried on a blank image on the CPU, and its loss.

    Args:
        config: of a run.
        settings: its settings.
        cohort: its subjects.
        network: whether to try the network, too, or the loss alone.

    Returns:
        a sentence each, in the words of the component that refused.

    Raises:
        OSError: if files cannot be read.
    """
    parser = parse(config, settings, cohort)

    def try_network() -> None:
        made = parser.get_parsed_content("network")
        _try(made, settings, torch.device("cpu"), parser.get_parsed_content("blank"))

    def make_loss() -> None:
        parser.get_parsed_content("step_loss")

    refused = []
    for attempt in (try_network, make_loss) if network else (make_loss,):
        try:
            attempt()
        except Exception as error:
            mistake = _mistake(error)
            if not isinstance(mistake, InputError):
                raise mistake from error
            refused.append(str(mistake))
    return refused


def carry_out(parser: ConfigParser) -> None:
    """Do what the config's ``run`` says.

    Raises:
        Exception: what went wrong, without MONAI's wrapping.
    """
    try:
        parser.get_parsed_content("run")
    except RuntimeError as error:
        cause, _ = _unwrap(error)
        raise cause from None


def _try(
    network: nn.Module,
    settings: Settings,
    device: torch.device,
    blank: Sequence[Tensor] | None,
) -> None:
    """Take blank input through a network: an image, or what the config says (`blank`)."""
    size = (1, settings.channels, *settings.image_size)
    network.eval()
    with torch.no_grad():
        logits = network(*(x.to(device) for x in blank or [torch.zeros(size)]))
    expected = (1, len(settings.task.classes), *settings.image_size)
    shape = tuple(getattr(logits, "shape", ()))
    if shape[:1] + shape[1 - len(expected) :] != expected:
        raise InputError(
            f"The network makes {shape or type(logits).__name__} of an image of shape {size}; the"
            f" task needs {expected}: a channel for each of {', '.join(settings.task.classes)}."
        )


def _unwrap(error: BaseException) -> tuple[BaseException, str | None]:
    """The exception behind MONAI's, and the component it came from."""
    component = None
    while error.__cause__ is not None and _WRAPPER.match(str(error)):
        named = _COMPONENT.match(str(error))
        component = named[1] if named else component
        error = error.__cause__
    return error, component


def _mistake(error: BaseException) -> BaseException:
    cause, component = _unwrap(error)
    if isinstance(cause, (InputError, OSError, DivergedError, MemoryError)):
        return cause
    sentence = " ".join(str(cause).split()) or type(cause).__name__
    where = f"{component.rpartition('.')[2]}: " if component else ""
    return InputError(f"The config cannot be carried out: {where}{sentence}")
