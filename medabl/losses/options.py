"""Options of the losses that are not of the kind they have to be, refused by name."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeGuard

import numpy as np


def check_flags(**flags: object) -> None:
    """See that options are True or False: the text "no" would count as True.

    Raises:
        ValueError: naming the first that is neither.
    """
    for name, value in flags.items():
        if not isinstance(value, (Integral, np.bool_)) or value not in (False, True):
            raise ValueError(f"{name} must be True or False, got {value!r}.")


def check_numbers(**numbers: object) -> None:
    """See that options are finite numbers.

    Raises:
        ValueError: naming the first that is none.
    """
    for name, value in numbers.items():
        if not is_number(value):
            raise ValueError(f"{name} must be a number, got {value!r}.")


def check_whole_numbers(**numbers: object) -> None:
    """See that options are whole numbers.

    Raises:
        ValueError: naming the first that is none.
    """
    for name, value in numbers.items():
        if not is_number(value) or value != int(value):
            raise ValueError(f"{name} must be a whole number, got {value!r}.")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, and neither True nor False."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
