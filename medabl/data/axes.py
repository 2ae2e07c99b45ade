"""The three directions that a volume can be cut into slices along."""

from __future__ import annotations

from typing import Literal, get_args

from medabl.errors import InputError

SliceAxis = Literal["axial", "coronal", "sagittal"]
SLICE_AXES: tuple[str, ...] = get_args(SliceAxis)

_LAST = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}


def axes_with_slices_last(slice_axis: str) -> tuple[int, int, int]:
    """The canonical axes (0: X, 1: Y, 2: Z) in the order that puts the one slices lie along last.

    Example:
        >>> axes_with_slices_last("coronal")
        (0, 2, 1)

    Raises:
        InputError: if there is no such slice axis.
    """
    if slice_axis not in _LAST:
        raise InputError(f"slice_axis must be one of {', '.join(SLICE_AXES)}, got {slice_axis!r}.")
    return _LAST[slice_axis]
