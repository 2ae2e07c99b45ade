"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from medabl.errors import InputError

NIFTI_SUFFIXES = (".nii.gz", ".nii")
_SYSTEM_FOLDERS = ("__MACOSX", "lost+found", "$RECYCLE.BIN", "System Volume Information")


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

    Links to folders are followed, since data sets are often folders of links, and each folder comes
    once: under its own path if that lies below `folder`, else under the first link to it. Links to
    a folder that holds the link are not followed. What is hidden (``.name``) or put there by an
    operating system (``__MACOSX``) is left out.

    Raises:
        InputError: if a folder cannot be read.
    """
    root = os.path.realpath(folder)
    seen: set[str] = set()
    found: list[tuple[Path, list[str]]] = []
    pending = [Path(folder)]
    # Links wait until all that is reached without them has been seen.
    while pending:
        for base, folders, names in os.walk(pending.pop(0), onerror=_unreadable):
            real = os.path.realpath(base)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if _visible(name))
            links = [Path(base, name) for name in folders if Path(base, name).is_symlink()]
            pending += [link for link in links if not _holds(link, real) and not _holds(link, root)]
            found.append((Path(base), sorted(name for name in names if _visible(name))))
    yield from sorted(found)


def _holds(link: Path, folder: str) -> bool:
    target = Path(os.path.realpath(link))
    return target == Path(folder) or target in Path(folder).parents


def _visible(name: str) -> bool:
    return not name.startswith(".") and name not in _SYSTEM_FOLDERS


def _unreadable(error: OSError) -> NoReturn:
    raise InputError(
        f"{error.filename} cannot be read ({error.strerror}): give yourself access to it, or take"
        " it out of the data."
    ) from error


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says against reading below `path` into one sentence.

    Raises:
        InputError: naming the file or folder that cannot be read.
    """
    try:
        yield
    except OSError as error:
        _unreadable(OSError(error.errno, error.strerror, error.filename or os.fspath(path)))


def is_nifti(name: str) -> bool:
    """Whether a file's name is that of a NIfTI file."""
    return name.lower().endswith(NIFTI_SUFFIXES)


def nifti_stem(name: str) -> str:
    """A file's name without ``.nii.gz`` or ``.nii``."""
    return re.sub(r"\.nii(\.gz)?$", "", name, flags=re.IGNORECASE)


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
