"""Ventricles, choroid plexus and the deep grey nuclei.

Positions are 3 x N in mm in the atlas frame with x made positive (both sides alike); distances are
in mm, negative inside. `factor` scales the radii of the ventricles.
"""

from __future__ import annotations

import numpy as np

from medabl.phantom.fields import Points, ellipsoid, smooth_max, smooth_min, tube


def lateral_ventricles(mirror: Points, factor: float) -> Points:
    """Distance to the smooth outline of the lateral ventricles."""
    shift = 2.0 * (factor - 1)
    horn = tube(
        mirror,
        (
            (13 + shift, 33, 2),
            (7 + shift, 22, 8),
            (7 + shift, 2, 17),
            (12 + shift, -22, 22),
            (24 + shift, -38, 14),
        ),
        (2.2 * factor, 4.2 * factor, 4.6 * factor, 5.0 * factor, 6.4 * factor),
        (1.25, 1, 0.95),
    )
    back = tube(
        mirror,
        ((24 + shift, -38, 13), (26 + shift, -52, 8), (24 + shift, -70, 5)),
        (6.4 * factor, 4.0 * factor, 1.0 * factor),
        (1.2, 1, 0.8),
    )
    low = tube(
        mirror,
        ((25 + shift, -38, 10), (35, -32, -6), (36, -20, -15), (34, -9, -19)),
        (5.0 * factor, 2.8 * factor, 2.2 * factor, 2.0 * factor),
    )
    ventricle = smooth_min(smooth_min(horn, back, 4), low, 3)
    # The septum keeps the two sides apart.
    return smooth_max(ventricle, 0.9 - mirror[0], 1.5)


def midline_ventricles(mirror: Points, factor: float) -> Points:
    """Distance to the third and the fourth ventricle."""
    third = ellipsoid(mirror, (0, -10, 0), (1.6 * factor * factor, 15, 10))
    fourth = ellipsoid(mirror, (0, -45, -33), (6.5 + factor, 4 + 1.5 * factor, 9))
    return np.minimum(third, fourth)


def choroid_plexus(mirror: Points) -> Points:
    """Distance to the choroid plexus in the atria."""
    path = ((9, -14, 20), (20, -34, 15), (25, -40, 8))
    return tube(mirror, path, (0.8, 1.8, 2.6), (1, 1, 1), 1)


def nuclei(mirror: Points, factor: float) -> dict[str, Points]:
    """Distance to each of the deep grey nuclei, which wide ventricles push outwards."""
    wide = 2.0 * (factor - 1)
    head = ellipsoid(mirror, (13 + wide, 16, 6), (5.5, 10, 9))
    tail = tube(mirror, ((15 + wide, 8, 14), (20 + wide, -22, 22)), (4, 1.5))
    # The putamen is a shell around the pallidum, thin at its ends.
    outer = ellipsoid(mirror, (23, 2, 1), (7.5, 17, 11))
    putamen = smooth_max(outer, -ellipsoid(mirror, (16, -3, 0), (7.8, 12, 12)), 2)
    return {
        "caudate": smooth_min(head, tail, 3),
        "putamen": putamen,
        "pallidum": smooth_max(
            ellipsoid(mirror, (18.5, -4, -1), (5.5, 9.5, 7)), putamen * -1 + 0.3, 1
        ),
        "thalamus": ellipsoid(mirror, (11 + 0.5 * wide, -19, 7), (9.5, 14.5, 9)),
    }
