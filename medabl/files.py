"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from medabl.errors import InputError

TEMPORARY = ".~"
"""Names of files that are being written begin like this."""
NIFTI_SUFFIXES = (".nii.gz", ".nii")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_SYSTEM_FOLDERS = ("__MACOSX", "lost+found", "$RECYCLE.BIN", "System Volume Information")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to, and rename it to `path` on success.

    The temporary name is unique and keeps the suffixes of `path` (``.nii.gz``), since writers
    choose their format by them. File and folder reach the disk before the name changes, so that a
    power failure leaves the old file or the new one. On an exception the temporary file is removed
    and `path` is left as it was; what a killed process leaves, `sweep` removes.

    Args:
        path: the file to be written; its folder is made when missing.

    Yields:
        the name to write to.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{target.name}")
    try:
        yield temporary
        _to_disk(temporary, os.O_RDWR)
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Bring a folder's names to the disk, where the system can."""
    if os.name == "posix":
        _to_disk(folder, os.O_RDONLY)


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of half-written files at and below `folder`.

    Call it only while no other process writes there.
    """
    for leftover in Path(folder).rglob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """See that files can be written to a folder, which may not exist yet; leaves nothing behind.

    Raises:
        InputError: if they cannot, naming the folder and the cause.
    """
    folder = Path(folder).expanduser().absolute()
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    probe = existing / f"{TEMPORARY}{secrets.token_hex(6)}"
    try:
        if not stat.S_ISDIR(existing.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing))
        probe.write_bytes(b"")
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to ({error.strerror}: {existing}); choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


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


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a PNG or JPEG picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


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


def _to_disk(path: str | os.PathLike[str], flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
