"""Options of the losses that are not what they have to be, refused by name, all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np


def refuse(complaints: Sequence[str]) -> None:
    """Refuse options, if there are complaints of them.

    Raises:
        ValueError: with all complaints in one line.
    """
    if complaints:
        raise ValueError("; ".join(complaints) + ".")


def wrong_flags(**flags: object) -> list[str]:
    """A complaint of each option that is neither True nor False: "no" would count as True."""
    return [
        f"{name} must be True or False, got {value!r}"
        for name, value in flags.items()
        if not isinstance(value, (Integral, np.bool_)) or value not in (False, True)
    ]


def wrong_choices(choices: Sequence[str], **options: object) -> list[str]:
    """A complaint of each option that is none of the choices."""
    return [
        f"{name} must be one of {', '.join(choices)}, got {value}"
        for name, value in options.items()
        if value not in choices
    ]


def wrong_numbers(**numbers: object) -> list[str]:
    """A complaint of each option that is no finite number."""
    return [
        f"{name} must be a number, got {value!r}"
        for name, value in numbers.items()
        if not is_number(value)
    ]


def wrong_whole_numbers(**numbers: object) -> list[str]:
    """A complaint of each option that is no whole number."""
    return [
        f"{name} must be a whole number, got {value!r}"
        for name, value in numbers.items()
        if not is_number(value) or value != int(value)
    ]


def wrong_counts(**counts: Any) -> list[str]:
    """A complaint of each option that is no whole number from 1."""
    return wrong_whole_numbers(**counts) or [
        f"{name} must be at least 1, got {value}" for name, value in counts.items() if value < 1
    ]


def complaints_of(check: Callable[..., object], *arguments: object) -> list[str]:
    """What a check that raises ValueError complains of: one thing, or none."""
    try:
        check(*arguments)
    except ValueError as error:
        return [str(error).removesuffix(".")]
    return []


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, and neither True nor False."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
