"""One subject's files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal, TypeAlias

from medabl.errors import InputError
from medabl.files import is_picture

Side: TypeAlias = Literal["train", "val"]


@dataclass(frozen=True)
class Subject:
    """One subject's files: a scan with its mask.

    Attributes:
        id: the subject's path below the root, with ``/`` (``Amsterdam/GE3T/100``).
        site: where it was scanned (``Amsterdam/GE3T``), empty when that is not known.
        images: modality -> file, in the order asked for.
        label: the mask, if there is one.
        group: the patient, where the data set says whose scan this is.
        side: ``train`` or ``val``, where the data set has a split of its own.

    Raises:
        InputError: if the id is no path below a folder: empty, absolute, or with ``..``.
    """

    id: str
    site: str
    images: dict[str, Path]
    label: Path | None
    group: str | None = None
    side: Side | None = None

    def __post_init__(self) -> None:
        """Refuse an id that would lead out of the folders of a run."""
        parts = self.id.split("/")
        if {"", ".", ".."} & set(parts) or re.search(r"[\\\x00-\x1f]", self.id) or _drive(self.id):
            raise InputError(
                f"{self.id!r} cannot be a subject's id, since its files are named after it: use"
                " names and numbers, with single '/' between folders and no '..'."
            )

    @property
    def files(self) -> dict[str, Path]:
        """All files: modality -> file, and ``label`` -> the mask, if there is one."""
        return self.images if self.label is None else {**self.images, "label": self.label}

    @property
    def is_picture(self) -> bool:
        """Whether its image is a PNG or JPEG picture and no scan."""
        return all(is_picture(path.name) for path in self.images.values())

    @property
    def relative_path(self) -> PurePosixPath:
        """Where the subject's files lie below any folder, without suffix: the id as a path."""
        return PurePosixPath(self.id)


def _drive(text: str) -> str:
    return PureWindowsPath(text).drive
