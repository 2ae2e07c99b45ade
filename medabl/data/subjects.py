"""Finding subjects on disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts import LAYOUTS, Layout
from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import reading

__all__ = ["Subject", "find_layout", "find_subjects"]


def find_subjects(
    root: str | Path,
    modalities: Sequence[str] = ("flair", "t1"),
    labelled: bool = True,
    mask_name: str | None = None,
) -> list[Subject]:
    """Find the subjects of a data set, in whichever of the known layouts it lies.

    `medabl.data.layouts` has them: the WMH challenge's folders, Decathlon, nnU-Net, BIDS and a
    table (``subjects.csv``). A file is one file however it is reached: a subject that links make
    appear under several names is listed once.

    Args:
        root: the folder, or the path of a table.
        modalities: names of the images to use, in channel order.
        labelled: whether every subject needs a mask.
        mask_name: what the masks are called, in the layouts that find them by name: the file's
            name without suffix (WMH: ``wmh``) or, in BIDS, its end (``label-lesion_mask``);
            ``*`` stands for anything. None takes the layout's own.

    Returns:
        the subjects, sorted by id (numbers by value).

    Raises:
        InputError: if there is no subject, one lacks a modality or its mask, two have the same id,
            or a folder cannot be read.
    """
    root = Path(root).expanduser()
    if not modalities or len(set(modalities)) < len(modalities):
        raise InputError(f"modalities must be different names such as flair,t1; got {modalities}.")
    with reading(root):
        layout = find_layout(root, mask_name)
        if layout is None:
            looked_for = "; ".join(known.LOOKS_FOR for known in LAYOUTS)
            raise InputError(f"No subject below {root}: looked for {looked_for}.")
        subjects = layout.list_subjects(root, modalities, mask_name)
        _refuse_same_names(subjects, root)
        subjects = _each_once(sorted(subjects, key=lambda s: _natural(s.id)), root)
    if not subjects:
        raise InputError(f"No subject below {root}: it has {layout.LOOKS_FOR}, but lists none.")
    blind = next((subject for subject in subjects if subject.label is None), None)
    if labelled and blind is not None:
        raise InputError(
            f"Subject {blind.id} below {root} has no mask, which training and evaluation need; here"
            f" masks are {layout.MASKS}."
        )
    return subjects


def find_layout(root: Path, mask_name: str | None = None) -> Layout | None:
    """The layout a data set lies in, None if it is none of the known ones.

    Args:
        root: the folder, or the path of a table.
        mask_name: what its masks are called, to be refused where that has no meaning.

    Raises:
        InputError: if there is no such folder or table, or its masks are not found by name.
    """
    if not root.is_dir() and not (root.is_file() and root.suffix.lower() == ".csv"):
        raise InputError(
            f"{root} is not a folder; give the folder that holds the subjects, or their table"
            " (.csv)."
        )
    layout = next((layout for layout in LAYOUTS if layout.recognizes(root)), None)
    if mask_name is not None and layout is not None and not layout.MASKS_BY_NAME:
        raise InputError(
            f"mask_name={mask_name} has no meaning for {root}: there, masks are {layout.MASKS};"
            " leave it out."
        )
    return layout


def _each_once(subjects: Sequence[Subject], root: Path) -> list[Subject]:
    """Subjects without those whose images another one has under another name."""
    by_images: dict[tuple[str, ...], list[Subject]] = {}
    for subject in subjects:
        files = tuple(os.path.realpath(path) for path in subject.images.values())
        by_images.setdefault(files, []).append(subject)
    kept = []
    for same in by_images.values():
        masks = {os.path.realpath(other.label) for other in same if other.label is not None}
        if len(masks) > 1:
            raise InputError(
                f"{' and '.join(other.id for other in same)} below {root} are one scan with"
                " different masks; keep one of them."
            )
        # Under its own path rather than a link's.
        kept.append(min(same, key=lambda subject: _linked(subject, root)))
    return kept


def _linked(subject: Subject, root: Path) -> bool:
    path = next(iter(subject.images.values()))
    inside = path.is_relative_to(root)
    own = root.resolve() / path.relative_to(root) if inside else path.absolute()
    return path.resolve() != own


def _refuse_same_names(subjects: Sequence[Subject], root: Path) -> None:
    first: dict[str, str] = {}
    for subject in subjects:
        key = unicodedata.normalize("NFC", subject.id).casefold()
        if first.get(key) == subject.id:
            raise InputError(
                f"{root} lists {subject.id} more than once; two subjects cannot share an id."
            )
        if key in first:
            raise InputError(
                f"{root} has the subjects {first[key]} and {subject.id}, whose files would be the"
                " same on Windows and macOS; rename one."
            )
        first[key] = subject.id


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", text)]
