"""Checkpoints on disk: the newest readable one of two generations, or a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medabl.errors import InputError
from medabl.runs import checkpoints, load_checkpoint, load_newest, save_checkpoint


def checkpoint(epoch: int) -> dict[str, Any]:
    return {"network": {"weight": torch.full((2,), epoch)}, "epoch": epoch, "config": None}


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """Three epochs, saved one after another."""
    path = tmp_path / "last.pt"
    for epoch in (1, 2, 3):
        save_checkpoint(path, checkpoint(epoch), keep_previous=True)
    return path


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def one_byte_wrong(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 0xFF
    path.write_bytes(data)


DAMAGE = [cut_short, one_byte_wrong, lambda path: path.write_bytes(b""), Path.unlink]


def test_the_newest_is_read_and_the_one_before_is_kept(last: Path) -> None:
    newest, trouble = load_newest(last)
    assert newest is not None
    assert (newest["epoch"], trouble) == (3, None)
    assert load_checkpoint(last.with_name("last.previous.pt"))["epoch"] == 2
    assert len(list(last.parent.iterdir())) == 2


@pytest.mark.parametrize("damage", DAMAGE)
def test_behind_a_damaged_one_stands_the_one_before(
    last: Path, damage: Callable[[Path], Any]
) -> None:
    damage(last)
    newest, trouble = load_newest(last)
    assert newest is not None
    assert newest["epoch"] == 2
    assert trouble is None if damage is Path.unlink else str(last) in str(trouble)


def test_two_damaged_ones_are_said(last: Path) -> None:
    cut_short(last)
    cut_short(last.with_name("last.previous.pt"))
    with pytest.raises(InputError, match=r"last\.pt cannot be read .* generation before .* either"):
        load_newest(last)


def test_none_is_none(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "last.pt") == (None, None)


def test_a_full_disk_is_said_and_the_newest_stays(
    last: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = type("Usage", (), {"free": 0})

    def save(*_: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.torch, "save", save)
        patch.setattr(checkpoints.shutil, "disk_usage", lambda _: free)
        with pytest.raises(OSError, match="No space left on device"):
            save_checkpoint(last, checkpoint(4), keep_previous=True)
    newest, _ = load_newest(last)
    assert newest is not None
    assert newest["epoch"] == 3
    assert len(list(last.parent.iterdir())) == 2


def test_a_disk_that_proves_full_at_the_flush_costs_no_epoch(
    last: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system may not tell of it before."""

    def fsync(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left on device"):
            save_checkpoint(last, checkpoint(4), keep_previous=True)
    newest, _ = load_newest(last)
    assert newest is not None
    assert newest["epoch"] == 3
