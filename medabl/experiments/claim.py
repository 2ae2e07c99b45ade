"""An experiment's output folder belongs to one set of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medabl.errors import InputError
from medabl.files import check_writable, read_json, write_json

MARKER = "reproduce.json"


def refuse_other_contents(out: Path, asked: Mapping[str, Any]) -> None:
    """See that an output folder is new, empty or that of the same experiment.

    Raises:
        InputError: if it is not.
    """
    marker = out / MARKER
    if marker.is_file():
        before = read_json(marker)
        changed = [key for key in {**asked, **before} if before.get(key) != asked.get(key)]
        if changed:
            key = changed[0]
            raise InputError(
                f"{out} holds a comparison with other settings ({key}: {before.get(key)}, now"
                f" {asked.get(key)}); choose another --out, or remove it."
            )
        return
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise InputError(f"{out} holds something else; choose an empty or new folder as --out.")


def claim(out: Path, asked: Mapping[str, Any]) -> None:
    """Make an output folder this experiment's; not before its data have proved usable."""
    check_writable(out)
    write_json(out / MARKER, dict(asked))
