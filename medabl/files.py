"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to, and rename it to `path` on success.

    The temporary name keeps the suffixes of `path` (``.nii.gz``), since writers choose their
    format by them. On an exception the temporary file is removed and `path` is left as it was.

    Args:
        path: the file to be written; its folder is made when missing.

    Yields:
        the name to write to.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def walk(folder: str | os.PathLike[str]) -> Iterator[tuple[Path, list[str]]]:
    """Every folder at and below `folder` with the names of its files, in order.

    Links to folders are followed, since data sets are often folders of links, but for links to
    a folder above themselves.
    """
    for base, folders, names in os.walk(folder, followlinks=True):
        above = [Path(base).resolve(), *Path(base).resolve().parents]
        folders[:] = sorted(name for name in folders if Path(base, name).resolve() not in above)
        yield Path(base), sorted(names)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
