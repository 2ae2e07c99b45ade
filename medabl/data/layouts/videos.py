"""What the layouts of videos share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from medabl.data.subject import Subject


def video(name: str, frames: Path, masks: Path, side: Literal["train", "val"]) -> Subject:
    """The subject of a video: its folder of frames is its image, that of its masks its label."""
    label = masks if masks.is_dir() else None
    return Subject(name, "", {"rgb": frames}, label, group=name, side=side)
