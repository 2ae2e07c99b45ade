"""What a run was carried out with, and whether that changed between its parts."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from medabl.processors import process_count

_PACKAGES = ("medabl", "torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "edt")
_DECISIVE = ("python", "threads", "gpu", "processes")


def environment() -> dict[str, Any]:
    """Command, Python, platform, threads, GPU, versions of packages; and how many processes."""
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "processes": process_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {package: _version(package) for package in _PACKAGES},
    }


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two environments and can move the last digits of a run, in words."""
    old = {**before.get("versions", {}), **{key: before.get(key) for key in _DECISIVE}}
    new = {**now["versions"], **{key: now[key] for key in _DECISIVE}}
    return [f"{key} {old[key]} -> {new[key]}" for key in new if key in old and old[key] != new[key]]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
