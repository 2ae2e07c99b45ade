"""The ``dataset.json`` of Decathlon and nnU-Net."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medabl.data.layouts.modalities import there_instead
from medabl.errors import InputError, MissingImageError
from medabl.files import read_json


def read_description(root: Path) -> dict[str, Any]:
    """What `root`'s ``dataset.json`` says.

    Raises:
        InputError: if it is no JSON object.
    """
    path = root / "dataset.json"
    try:
        description = read_json(path)
    except ValueError as error:
        raise InputError(f"{path} is not Decathlon-style or nnU-Net's: {error}.") from error
    if not isinstance(description, dict):
        raise InputError(f"{path} is not Decathlon-style or nnU-Net's: it must be a JSON object.")
    return description


def channels_of(root: Path, description: dict[str, Any], modalities: Sequence[str]) -> list[int]:
    """The channel of each modality, and last the number of channels.

    Raises:
        InputError: if the channels are not named, or a modality is none of them.
    """
    path = root / "dataset.json"
    try:
        names = {**description.get("modality", {}), **description.get("channel_names", {})}
        order = [names[key].lower() for key in sorted(names, key=int)]
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} must name the channels, as 'modality' or 'channel_names': {{'0': 'FLAIR',"
            f" ...}}; {error!r}."
        ) from error
    unknown = [name for name in modalities if name.lower() not in order]
    if unknown:
        missing = f"{path} lists no modality {', '.join(unknown)}"
        if not order:
            raise InputError(
                f"{missing}; name the channels, as 'modality' or 'channel_names': {{'0': 'FLAIR',"
                " ...}."
            )
        there = there_instead(modalities, order)
        raise MissingImageError(missing, f"set the modalities to what is there, {there}")
    return [*(order.index(name.lower()) for name in modalities), len(order)]
