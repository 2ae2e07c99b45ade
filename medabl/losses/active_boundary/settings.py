"""What the active boundary loss depends on besides its tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, get_type_hints

from medabl.geometry.predicted_boundaries import MIN_DIVERGENCE, allowed_voxels
from medabl.losses.options import is_number, wrong_choices

_PREDICTED = ("divergence", "class")
_MAY_BE_NONE = ("boundary_factor", "reach")


class Settings(NamedTuple):
    """The options of `ActiveBoundaryLoss` that its operator takes."""

    max_boundary_ratio: float
    max_distance: float
    label_smoothing: float
    detach_neighbors: bool
    released: bool
    class_change: bool = False
    boundary_factor: float = 0.0
    min_divergence: float = MIN_DIVERGENCE
    reach: float = math.inf
    share_ties: bool = False

    @property
    def published(self) -> bool:
        """Whether the loss is that of the paper or of its code: what the CUDA kernels compute."""
        return self[5:] == Settings(*self[:5])[5:]


_TYPES = {bool: "bool", float: "float"}
# The operators take the settings one by one, in their order.
_OPTIONS = ", ".join(f"{_TYPES[kind]} {name}" for name, kind in get_type_hints(Settings).items())
OPERATOR_INPUTS = f"(Tensor logits, Tensor distance, Tensor? valid, {_OPTIONS})"


def wrong_options(
    max_boundary_ratio: float,
    label_smoothing: float,
    predicted_boundary: str,
    **positive: float | None,
) -> list[str]:
    """A complaint of each option out of range; those by name must be above 0."""
    complaints = wrong_choices(_PREDICTED, predicted_boundary=predicted_boundary)
    if not (is_number(max_boundary_ratio) and 0 < max_boundary_ratio <= 1):
        complaints.append(f"max_boundary_ratio must be in (0, 1], got {max_boundary_ratio!r}")
    if not (is_number(label_smoothing) and 0 <= label_smoothing < 1):
        complaints.append(f"label_smoothing must be in [0, 1), got {label_smoothing!r}")
    return complaints + [
        f"{name} must be positive, got {value!r}"
        for name, value in positive.items()
        if not ((is_number(value) and value > 0) or (value is None and name in _MAY_BE_NONE))
    ]


def boundary_capacity(shape: Sequence[int], settings: Settings) -> int:
    """Most voxels that can be on the predicted boundary, for logits of this shape."""
    images, voxels, box = shape[0], math.prod(shape[2:]), 3 ** (len(shape) - 2)
    if settings.boundary_factor:
        return images * voxels
    if settings.released:
        return min(box * math.floor(voxels * settings.max_boundary_ratio), images * voxels)
    return images * min(box * allowed_voxels(voxels, settings.max_boundary_ratio), voxels)


def gradient_capacity(shape: Sequence[int], settings: Settings) -> int:
    """Most voxels whose logits can get a gradient, counting a voxel as often as it gets one."""
    box = 1 if settings.detach_neighbors else 3 ** (len(shape) - 2)
    return box * boundary_capacity(shape, settings)
