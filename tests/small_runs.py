"""A run that takes a second or two, for all who test runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from medabl.engine import load_config
from medabl.runs import RunFolder, Which, load_checkpoint

SMALL = {"image_size": [32, 32], "width": 2, "epochs": 3, "validation": 2, "device": "cpu"}


def small_config(data: Path, run_dir: Path, *files: Path, **overrides: Any) -> dict[str, Any]:
    """The published config at a tiny size."""
    places = {"data": str(data), "run_dir": str(run_dir)}
    return load_config(["wmh.yaml", *files], {**SMALL, **places, **overrides})


def weights(run: RunFolder, which: Which = "last") -> dict[str, torch.Tensor]:
    """The network's, as saved."""
    return load_checkpoint(run.checkpoint(which))["network"]


def same_weights(one: RunFolder, other: RunFolder, which: Which = "last") -> bool:
    """Whether they are the same bit for bit."""
    a, b = weights(one, which), weights(other, which)
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)
