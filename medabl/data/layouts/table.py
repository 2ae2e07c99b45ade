"""A table of the subjects, ``subjects.csv``: one row a subject, one column a modality."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from medabl.data.layouts.modalities import there_instead
from medabl.data.subject import Subject
from medabl.errors import InputError, MissingImageError

NAME = "table"
IMAGES = None
LOOKS_FOR = "a table subjects.csv (columns: subject, group, site, one a modality, mask)"
MASKS = "the column 'mask' of the table"
MASKS_BY_NAME = False

_NO_MODALITIES = ("subject", "group", "site", "mask")


def recognizes(root: Path) -> bool:
    """Whether `root` is a table or holds ``subjects.csv``."""
    return _path(root).is_file()


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every row; files are relative to the table's folder."""
    path = _path(root)
    header, rows = _read(path)
    held = f"(it has: {', '.join(header) or 'none'})"
    if "subject" not in header:
        raise InputError(f"{path} has no column 'subject' {held}; add it.")
    unknown = [name for name in modalities if name.lower() not in header]
    if unknown:
        known = there_instead(modalities, [n for n in header if n not in _NO_MODALITIES])
        otherwise = f", or set the modalities to what is there, {known}" if known else ""
        raise MissingImageError(f"{path} has no column {unknown[0]!r} {held}", f"add it{otherwise}")
    subjects = []
    for number, cells in rows.items():
        where = f"{path}, line {number}"
        name = cells.get("subject", "").replace("\\", "/")
        if not name:
            raise InputError(f"{where}: the column 'subject' is empty; give every row a name.")
        images = {
            modality: _file(path, cells.get(modality.lower(), ""), where, modality)
            for modality in modalities
        }
        mask = cells.get("mask")
        subjects.append(
            Subject(
                name,
                cells.get("site") or name.rpartition("/")[0],
                images,
                _file(path, mask, where, "mask") if mask else None,
                cells.get("group") or None,
            )
        )
    return subjects


def _path(root: Path) -> Path:
    return root / "subjects.csv" if root.is_dir() else root


def _read(path: Path) -> tuple[list[str], dict[int, dict[str, str]]]:
    """The header in lower case, and the cells by column of each line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}); save it as CSV UTF-8.") from error
    # Spreadsheets write the separator of the country they are used in.
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(text.splitlines(), delimiter=separator)
    header = [cell.strip().lower() for cell in next(reader, [])]
    rows = {}
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            rows[reader.line_num] = dict(zip(header, cells, strict=False))
    return header, rows


def _file(path: Path, cell: str, where: str, column: str) -> Path:
    file = path.parent / Path(cell.replace("\\", "/")).expanduser()
    if not cell or not file.is_file():
        raise InputError(f"{where}: the column {column!r} names no file ({file}); correct it.")
    return file
