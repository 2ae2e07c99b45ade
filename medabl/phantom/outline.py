"""Smooth outlines of the brain's large parts, before anything is folded.

Positions are 3 x N in mm in the atlas frame with x made positive (both sides alike); distances are
in mm, negative inside.
"""

from __future__ import annotations

import numpy as np

from medabl.phantom.fields import (
    Points,
    ellipsoid,
    smooth_max,
    smooth_min,
    smooth_step,
    tube,
)


def cerebrum(mirror: Points) -> Points:
    """Distance to the smooth outline of the two hemispheres."""
    x, y, z = mirror
    dome = ellipsoid(mirror, (8, -24, 10), (59, 78, 64))
    front = ellipsoid(mirror, (12, 22, 6), (38, 46, 42))
    dome = smooth_min(dome, front, 10)
    # The base: straight gyri and orbits in front, the tentorium behind.
    front_floor = 2 * smooth_step(x, 9, 25) + np.float32(0.08) * np.maximum(x - 25, 0)
    front_floor += np.float32(0.25) * np.maximum(y - 36, 0)
    side = x + np.float32(0.035) * np.maximum(y + 20, 0) ** 2
    tent = (4 + 6 * smooth_step(y, -52, -40)) * smooth_step(side, 22, 7)
    tent += np.float32(0.06) * np.maximum(-45 - y, 0)
    part = smooth_step(y, 2, 14)
    height = -22 + tent + part * (front_floor - tent)
    dome = smooth_max(dome, height - z, 6)
    temporal = tube(
        mirror, ((37, 11, -25), (45, -14, -20), (46, -46, -11)), (13.5, 17, 16.5), (1, 1, 1), 12
    )
    inner = tube(mirror, ((21, 3, -20), (21.5, -20, -17), (25, -42, -10)), (8, 6.5, 7))
    temporal = smooth_min(temporal, inner, 6)
    return smooth_min(dome, temporal, 3)


def cerebellum(mirror: Points) -> Points:
    """Distance to the smooth outline of the cerebellum."""
    lobes = ellipsoid(mirror, (22, -62, -34), (30, 28, 20))
    vermis = ellipsoid(mirror, (0, -59, -26), (13, 23, 20))
    lobes = smooth_min(lobes, vermis, 3)
    # The notch behind, between the two sides.
    notch = ellipsoid(mirror, (0, -96, -46), (5, 16, 22))
    return smooth_max(lobes, -notch, 6)


def stem(mirror: Points) -> Points:
    """Distance to midbrain, pons and medulla, with the optic tracts before them."""
    core = tube(
        mirror,
        ((0, -22, 2), (0, -27, -14), (0, -32, -34), (0, -40, -52), (0, -47, -78)),
        (10, 9, 10, 8.5, 6.5),
    )
    peduncle = tube(mirror, ((17, -13, 2), (10, -18.5, -12), (6, -22, -24)), (6, 5.5, 6))
    roof = ellipsoid(mirror, (4.5, -36, -6), (6, 5, 7.5))
    pons = ellipsoid(mirror, (3, -23.5, -30), (15, 10.5, 12.5))
    upper = smooth_min(smooth_min(core, peduncle, 3), roof, 3)
    lower = smooth_min(smooth_min(upper, pons, 5), cerebellar_arm(mirror), 4)
    # Optic tracts and chiasm, and the floor of the third ventricle behind them.
    optic = tube(mirror, ((1, 3, -14), (8, -6, -12), (17, -15, -7)), (2.4, 2.2, 2))
    floor = ellipsoid(mirror, (0, -6, -9), (7, 9, 5))
    return np.minimum(lower, smooth_min(optic, floor, 3))


def cerebellar_arm(mirror: Points) -> Points:
    """Distance to the arm of white matter from the pons to the cerebellum's core."""
    return tube(mirror, ((11, -27, -31), (19, -43, -34), (21, -54, -36)), (6.5, 6, 5))


def scalped(mirror: Points) -> Points:
    """Distance to the surface a skull stripper finds: cisterns between the parts are inside."""
    hull = smooth_min(cerebrum(mirror), stem(mirror), 12)
    hull = smooth_min(hull, cerebellum(mirror), 10)
    return smooth_min(hull, ellipsoid(mirror, (0, -8, -14), (15, 14, 8)), 6)


def callosal(points: Points) -> Points:
    """Distance to the part that the fissure between the hemispheres does not enter."""
    flat = points.copy()
    flat[0] = 0
    return ellipsoid(flat, (1, -8, 5), (1e3, 36, 21.5))
