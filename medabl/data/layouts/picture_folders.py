"""What the layouts of still images share: sides, one modality, the pictures of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from medabl.data.subject import Side
from medabl.errors import MissingImageError
from medabl.files import walk

SIDES: tuple[Side, Side] = ("train", "val")
"""The sides of a data set's own split."""


def one_modality(root: Path, modalities: Sequence[str]) -> str:
    """The name of the only modality that a data set of pictures has, ``rgb``.

    Raises:
        InputError: if others were asked for.
    """
    if list(modalities) != ["rgb"]:
        raise MissingImageError(
            f"{root} holds pictures or videos, whose only modality is rgb",
            f"got {','.join(modalities)}: set modalities=rgb in a config for such data"
            " (cityscapes.yaml, ade20k.yaml, davis.yaml), or name the folder of the scans",
        )
    return "rgb"


def list_pictures(folder: Path, ending: str) -> Iterator[Path]:
    """The files at and below a folder, which may be missing, whose names end like that."""
    if not folder.is_dir():
        return
    for base, names in walk(folder):
        yield from (base / name for name in names if name.endswith(ending))
