"""The task that a data set itself describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medabl.data.layouts.description import read_description
from medabl.errors import InputError
from medabl.task import WMH, Task


def described_task(root: Path) -> Task:
    """The classes that a data set's ``dataset.json`` names; the WMH challenge's without one.

    Raises:
        InputError: if it does not name them, or as overlapping regions.
    """
    if not (root / "dataset.json").is_file():
        return WMH
    named: Any = read_description(root).get("labels")
    try:
        labels = dict(map(_label, named.items()))
        classes = [name for _, name in sorted(labels.items())]
        return Task(name=root.name, classes=tuple(classes), labels=labels)
    except (AttributeError, TypeError, ValidationError) as error:
        raise InputError(
            f"{root / 'dataset.json'} must name the labels, one value a class, as 'labels':"
            f" {{'background': 0, 'lesion': 1}}; got {named!r}."
        ) from error


def _label(item: tuple[str, Any]) -> tuple[int, str]:
    # Decathlon writes {"1": "lesion"}, nnU-Net {"lesion": 1}.
    key, value = item
    number, name = (int(key), value) if key.isdigit() else (value, key)
    return number, name.replace("_", " ")
