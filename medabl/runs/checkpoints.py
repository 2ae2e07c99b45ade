"""Checkpoint files: plain data, written whole, the one before kept."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from medabl.errors import InputError
from medabl.files import atomic_path, sync_folder

_HARDLY_ANYTHING = 2**20
_REQUIRED = ("network", "epoch", "config")


def save_checkpoint(path: Path, checkpoint: dict[str, Any], keep_previous: bool = False) -> None:
    """Write a checkpoint atomically.

    Args:
        path: the file.
        checkpoint: tensors and plain values.
        keep_previous: rename the file that is there to `previous_generation` first.

    Raises:
        OSError: if the disk is full.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(checkpoint, temporary)
        except RuntimeError as error:
            # torch's writer says "unexpected pos" and the like when the disk is full.
            if shutil.disk_usage(path.parent).free > _HARDLY_ANYTHING:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if keep_previous and path.is_file():
            path.replace(previous_generation(path))
            sync_folder(path.parent)


def previous_generation(path: Path) -> Path:
    """Where the checkpoint before the newest is kept: ``last.previous.pt`` of ``last.pt``."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def load_newest(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The newest readable of the generations of a checkpoint.

    Returns:
        the checkpoint, None if there is none at all; and what was wrong with a newer one, if
        anything was.

    Raises:
        InputError: if there are generations and none can be read.
    """
    there = [file for file in (path, previous_generation(path)) if file.is_file()]
    trouble: list[str] = []
    for file in there:
        try:
            return load_checkpoint(file), trouble[0] if trouble else None
        except InputError as error:
            trouble.append(str(error))
    if trouble:
        raise InputError(
            f"{trouble[0]} The generation before cannot be read either: begin the run again in"
            " another folder."
        )
    return None, None


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; only tensors and plain values are unpickled.

    Raises:
        InputError: if there is none, or the file is something else or damaged.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the checkpoint in it, checkpoints/best.pt say.")
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        missing = [key for key in _REQUIRED if key not in checkpoint]
    except Exception as error:  # torch raises whatever the broken bytes lead to
        raise InputError(
            f"{path} cannot be read as a checkpoint: it is damaged, holds more than tensors and"
            " plain data, or is another kind of file."
        ) from error
    if missing:
        raise InputError(f"{path} is not a medabl checkpoint: it has no {missing[0]!r}.")
    return dict(checkpoint)
