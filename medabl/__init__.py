"""medabl: boundary-aware segmentation for medical imaging on MONAI.

``import medabl`` loads nothing else; ``medabl.losses`` and the other parts are loaded when they are
first used.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medabl import (
        data,
        engine,
        errors,
        evaluation,
        experiments,
        export,
        geometry,
        inspection,
        losses,
        metrics,
        miniatures,
        networks,
        nnunet,
        phantom,
        report,
        runs,
        statistics,
        task,
        transforms,
    )

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "data",
    "engine",
    "errors",
    "evaluation",
    "experiments",
    "export",
    "geometry",
    "inspection",
    "losses",
    "metrics",
    "miniatures",
    "networks",
    "nnunet",
    "phantom",
    "report",
    "runs",
    "statistics",
    "task",
    "transforms",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"medabl.{name}")
    raise AttributeError(f"module 'medabl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
