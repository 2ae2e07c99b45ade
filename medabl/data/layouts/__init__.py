"""How data sets lie on disk: one module a layout.

A further layout is a module with what `Layout` asks for, and its name in `LAYOUTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from medabl.data.layouts import (
    ade20k,
    bids,
    cityscapes,
    davis,
    decathlon,
    nnunet,
    table,
    wmh,
    youtube_vos,
)
from medabl.data.subject import Subject

__all__ = ["LAYOUTS", "Layout"]


class Layout(Protocol):
    """What the module of a layout holds.

    Attributes:
        NAME: what the layout is called, in messages and as a task's `layout`.
        LOOKS_FOR: what a data set in this layout has, for messages: "looked for ...".
        MASKS: where its masks lie, for messages: "masks are ...".
        MASKS_BY_NAME: whether the user may say what masks are called.
    """

    NAME: str
    LOOKS_FOR: str
    MASKS: str
    MASKS_BY_NAME: bool

    @property
    def IMAGES(self) -> str | None:
        """What its data sets hold: scans, pictures or videos; None: any of them."""

    def recognizes(self, root: Path) -> bool:
        """Whether `root` lies in this layout; cheap, and never an error."""

    def list_subjects(
        self, root: Path, modalities: Sequence[str], mask_name: str | None
    ) -> list[Subject]:
        """All subjects, in any order, with the images of `modalities`.

        Raises:
            InputError: if one lacks a modality, or what describes the data set is wrong.
        """


LAYOUTS: tuple[Layout, ...] = (
    table,
    decathlon,
    nnunet,
    cityscapes,
    ade20k,
    davis,
    youtube_vos,
    bids,
    wmh,
)
"""The known layouts; the first that recognizes a folder reads it."""
