"""Small generated data sets in the layouts of large ones, so that everything runs without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from medabl.errors import InputError
from medabl.miniatures import ade20k, cityscapes
from medabl.miniatures.scene import Picture, write_pictures

__all__ = ["MINIATURES", "write_miniature"]

MINIATURES: dict[str, Callable[[int], Iterator[Picture]]] = {
    "cityscapes": cityscapes.pictures,
    "ade20k": ade20k.pictures,
}
"""Layout -> the pictures of its miniature, a function of the seed."""


def write_miniature(layout: str, folder: str | Path, seed: int = 0) -> Path:
    """Write the miniature of a data set, coloured shapes with thin structures, in its layout.

    The same seed writes the same files; those that are there already are kept.

    Args:
        layout: key of `MINIATURES`.
        folder: where to.
        seed: 0 or more.

    Returns:
        the folder.

    Raises:
        InputError: if there is no such miniature, or the seed is negative.
    """
    if layout not in MINIATURES:
        raise InputError(f"There is no miniature of {layout!r}; there are {', '.join(MINIATURES)}.")
    if seed < 0:
        raise InputError(f"The seed of a miniature must be 0 or more, got {seed}.")
    write_pictures(MINIATURES[layout](seed), Path(folder))
    return Path(folder)
