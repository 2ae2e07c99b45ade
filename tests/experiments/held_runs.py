"""Runs that last as long as a test needs, on any machine, and come to the same as fast ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SETTINGS = {"image_size": [32, 32], "width": 2, "validation": 2, "device": "cpu"}


def write_slow_config(path: Path, seconds: float) -> Path:
    """A config in which every sample of every epoch takes so long and is as it is.

    What is drawn anew every epoch is not cached.
    """
    wait = f"$lambda image: (__import__('time').sleep({seconds}), image)[1]"
    augmentation = [{"_target_": "RandLambdad", "keys": "image", "func": wait}]
    path.write_text(yaml.safe_dump({"augmentation": augmentation}))
    return path


def write_sweep(path: Path, data: Path, runs: list[dict[str, Any]], *configs: Path) -> Path:
    """A sweep file of tiny runs."""
    content = {
        "base": ["wmh.yaml", *map(str, configs)],
        "set": {**SETTINGS, "data": str(data)},
        "list": runs,
    }
    path.write_text(yaml.safe_dump(content))
    return path
