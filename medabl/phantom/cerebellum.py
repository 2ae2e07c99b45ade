"""Fissures and white matter of the cerebellum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medabl.phantom.fields import Points, ellipsoid, smooth_min, smooth_step
from medabl.phantom.outline import cerebellar_arm

# Fissures turn around a ring inside of the lobes, which they leave at right angles to the surface.
_CENTRE = (0.0, -36.0, -36.0)
_RING_MM = 25.0
_PER_QUARTER = 5


@dataclass(frozen=True)
class Cerebellum:
    """Parts of the cerebellum.

    Attributes:
        white: distance in mm to its white matter, negative inside.
        fluid: part of each voxel which fissures take, 0 to 1.
    """

    white: Points
    fluid: Points


def fold_cerebellum(mirror: Points, outline: Points, noise: Points, bend: Points) -> Cerebellum:
    """Fissures and white matter of a cerebellum.

    Args:
        mirror: 3 x N positions in mm, x made positive.
        outline: distance in mm to its outline.
        noise: random values that vary over 1 cm and make the fissures uneven.
        bend: random values that vary faster, for the same.
    """
    x, y, z = (mirror[k] - np.float32(_CENTRE[k]) for k in range(3))
    out = np.sqrt((0.65 * x) ** 2 + y * y) - np.float32(_RING_MM)
    # Quarter turns from the horizontal plane, by proportion instead of an arc tangent.
    span = np.abs(z) + np.abs(out) + np.float32(0.5)
    turn = np.where(out > 0, z / span, np.sign(z) * (2 - np.abs(z) / span))
    phase = _PER_QUARTER * turn + 0.4 * noise + 0.35 * bend + np.float32(0.5)
    ring = np.round(phase)
    slope = np.sqrt(z * z + out * out) / (span * span) + np.float32(0.01)
    sheet = np.abs(phase - ring) / (_PER_QUARTER * slope)
    depth = -outline
    reach = np.where(ring % 3 == 0, np.float32(15), np.float32(8)) + 2 * noise
    strength = smooth_step(depth, reach, reach - 4) * smooth_step(-depth, 0.5, -0.5)
    fluid = np.clip(1.3 - sheet, 0, 1) * np.float32(0.9) * strength
    middle = smooth_min(ellipsoid(mirror, (18, -55, -36), (14, 12, 7)), cerebellar_arm(mirror), 5)
    blades = np.maximum(2.2 - sheet, 5.5 - depth + noise)
    blades = np.maximum(blades, middle - 12)
    return Cerebellum(white=smooth_min(middle + noise, blades, 3), fluid=fluid)
