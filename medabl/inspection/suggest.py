"""From what a data set is like to the settings of a loss, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from medabl.files import atomic_path
from medabl.inspection.measure import Array, MaskFacts

_ANISOTROPIC = 1.25  # axes that differ by more count as different
_MOST = 95  # per cent


class Suggestion(NamedTuple):
    """A setting, its value as one would write it, and why."""

    setting: str
    value: str
    why: str


def write_tables(table: pd.DataFrame, suggestions: Sequence[Suggestion], folder: Path) -> None:
    """Write ``inspect.csv`` and ``suggestions.csv``."""
    for name, numbers in (
        ("inspect.csv", table),
        ("suggestions.csv", pd.DataFrame(suggestions, columns=Suggestion._fields)),
    ):
        with atomic_path(folder / name) as temporary:
            numbers.to_csv(temporary, index=False)


def suggest(
    facts: Mapping[str, MaskFacts],
    spacings: Mapping[str, tuple[float, ...]],
    shapes: Mapping[str, tuple[int, ...]],
) -> list[Suggestion]:
    """Settings for ABL and for 3D patches.

    Args:
        facts: of each subject whose mask has a boundary.
        spacings: of each subject, in mm, slices last.
        shapes: of each subject, in voxels, slices last.
    """
    spacing = np.median(np.array(list(spacings.values())), axis=0)
    shape = np.median(np.array(list(shapes.values())), axis=0)
    if not facts:
        return [_spacing(spacing)]
    shares = np.concatenate([one.boundary_shares for one in facts.values()])
    volumes = np.array([one.boundary_share_3d for one in facts.values()])
    extents = np.concatenate([one.lesion_extents for one in facts.values()])
    theta = max(2, math.ceil(float(np.percentile(extents[:, :2].max(axis=1), _MOST))))
    return [
        boundary_ratio("max_boundary_ratio (2D)", shares, f"{len(shares)} slices with a boundary"),
        boundary_ratio(
            "max_boundary_ratio (3D)", volumes, f"{len(volumes)} volumes with a boundary"
        ),
        Suggestion(
            "max_distance",
            str(theta),
            f"{_MOST} % of the lesions are at most {theta} voxels wide in plane: a boundary that is"
            " a lesion's width off is as wrong as any, and one nearer than that counts by its"
            " distance; with a larger value small lesions would hardly count.",
        ),
        _spacing(spacing),
        _patch(extents, shape, theta, spacing),
    ]


def boundary_ratio(
    setting: str, shares: Array, of_what: str, elements: str = "voxels"
) -> Suggestion:
    """The largest share of an image that its predicted boundary need be.

    Args:
        setting: what the suggestion is called.
        shares: of each image, the share of its elements on the true boundary.
        of_what: what they are of, and how many.
        elements: what these consist of: voxels or pixels.
    """
    share = float(np.percentile(shares, _MOST))
    value = _round_up(share)
    return Suggestion(
        setting,
        f"{value:g}",
        f"in {_MOST} % of the {of_what} at most {share:.2%} of the {elements} lie on the true"
        f" boundary (median {np.median(shares):.2%}): a predicted boundary need not be larger, and"
        f" what is more pulls on {elements} that are none.",
    )


def _round_up(value: float) -> float:
    """To one digit, upwards: 0.0123 becomes 0.02."""
    digit = 10.0 ** math.floor(math.log10(value))
    return min(round(math.ceil(value / digit - 1e-9) * digit, 12), 1.0)


def _spacing(spacing: Array) -> Suggestion:
    sizes = " x ".join(f"{size:.3g}" for size in spacing)
    if spacing.max() <= _ANISOTROPIC * spacing.min():
        return Suggestion(
            "spacing", "None", f"voxels of {sizes} mm are all but cubes: distances in voxels do."
        )
    if spacing[:2].max() <= _ANISOTROPIC * spacing[:2].min():
        values = ", ".join(f"{size / spacing[:2].min():.3g}" for size in spacing)
        return Suggestion(
            "spacing",
            f"None in 2D, ({values}) in 3D",
            f"voxels of {sizes} mm are all but squares in plane, but a step to the next slice is"
            f" {spacing[2] / spacing[:2].min():.1f} times as long; these proportions keep"
            " max_distance in voxels.",
        )
    values = ", ".join(f"{size / spacing.min():.3g}" for size in spacing)
    return Suggestion(
        "spacing",
        f"({values}), its first two in 2D",
        f"voxels of {sizes} mm are longer along one axis; these proportions keep max_distance in"
        " voxels of the finest.",
    )


def _patch(
    extents: Array, shape: Sequence[float] | Array, theta: int, spacing: Array
) -> Suggestion:
    whole = np.percentile(extents, _MOST, axis=0)
    margin = theta * spacing.min() / spacing
    multiples = np.array([16, 16, 8])
    wanted = np.maximum(np.ceil((whole + 2 * margin) / multiples), 2) * multiples
    fits = np.floor(np.asarray(shape) / multiples).clip(1) * multiples
    patch = np.minimum(wanted, fits).astype(int)
    largest = " x ".join(f"{size:.0f}" for size in whole)
    return Suggestion(
        "patch size (3D)",
        " x ".join(map(str, patch)),
        f"{_MOST} % of the lesions fit into {largest} voxels; with max_distance on each side the"
        " distances in a patch are those of the scan. Rounded to multiples of 16 (8 across slices),"
        " within the median scan.",
    )
