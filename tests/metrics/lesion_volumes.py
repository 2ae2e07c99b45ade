"""Volumes to try metrics on."""

import numpy as np
from scipy.ndimage import gaussian_filter


def blobs(seed, shape=(24, 20, 7), share=0.1):
    """A prediction and a reference of several lesions each that overlap in part; bool."""
    rng = np.random.default_rng(seed)
    common, *own = (gaussian_filter(rng.standard_normal(shape), (1.5, 1.5, 0.7)) for _ in range(3))
    return tuple(v > np.quantile(v, 1 - share) for v in (common + 0.5 * o for o in own))


def rotation(seed):
    """A random direction matrix, no axis parallel to another's."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    return q * np.sign(np.diag(r))
