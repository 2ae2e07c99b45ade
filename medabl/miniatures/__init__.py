"""Small generated data sets in the layouts of large ones, so that everything runs without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from medabl.errors import InputError
from medabl.miniatures import ade20k, cityscapes, video
from medabl.miniatures.scene import Picture, write_pictures

__all__ = ["MINIATURES", "VIDEOS", "write_miniature"]

MINIATURES: dict[str, Callable[[int], Iterator[Picture]]] = {
    "cityscapes": cityscapes.pictures,
    "ade20k": ade20k.pictures,
}
"""Layout -> the pictures of its miniature, a function of the seed."""

VIDEOS: dict[str, Callable[[Path, int], None]] = {
    "davis": video.write_davis,
    "youtube_vos": video.write_youtube_vos,
}
"""Layout -> what writes its miniature into a folder, a function of the seed."""


def write_miniature(layout: str, folder: str | Path, seed: int = 0) -> Path:
    """Write the miniature of a data set, coloured shapes with thin structures, in its layout.

    The same seed writes the same files; those that are there already are kept.

    Args:
        layout: key of `MINIATURES` or `VIDEOS`.
        folder: where to.
        seed: 0 or more.

    Returns:
        the folder.

    Raises:
        InputError: if there is no such miniature, or the seed is negative.
    """
    known = [*MINIATURES, *VIDEOS]
    if layout not in known:
        raise InputError(f"There is no miniature of {layout!r}; there are {', '.join(known)}.")
    if seed < 0:
        raise InputError(f"The seed of a miniature must be 0 or more, got {seed}.")
    if layout in VIDEOS:
        VIDEOS[layout](Path(folder), seed)
    else:
        write_pictures(MINIATURES[layout](seed), Path(folder))
    return Path(folder)
