"""Contours and their F-score pixel by pixel, from the definitions."""

import itertools
import math

import numpy as np
from scipy.ndimage import binary_dilation


def slow_contour(mask, void=None):
    """Pixels whose membership changes to the right, below or diagonally, void taking no part."""
    contour = np.zeros_like(mask)
    void = np.zeros_like(mask) if void is None else void
    for i, j in np.ndindex(mask.shape):
        for a, b in itertools.product((0, 1), repeat=2):
            inside = i + a < mask.shape[0] and j + b < mask.shape[1]
            if inside and not void[i, j] and not void[i + a, j + b]:
                contour[i, j] |= mask[i, j] != mask[i + a, j + b]
    return contour


def slow_f(pred, ref, tolerance, void=None, neither=1.0):
    """Contours dilated by a disk and intersected."""
    radius = math.floor(tolerance)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x**2 + y**2 <= tolerance**2
    p, r = slow_contour(pred, void), slow_contour(ref, void)
    if not p.any() and not r.any():
        return neither
    if not p.any() or not r.any():
        return 0.0
    precision = (p & binary_dilation(r, disk)).sum() / p.sum()
    recall = (r & binary_dilation(p, disk)).sum() / r.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
