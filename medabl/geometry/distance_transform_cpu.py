"""Exact Euclidean distance transform on the CPU, image by image, by compiled code of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

try:
    import edt
except ImportError:  # optional: there is not a wheel of it for every machine
    edt = None

# Below this many voxels a second thread costs more to start than it saves.
_VOXELS_PER_THREAD = 2**16


def distance_transform_cpu(mask: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    """Distance of every True voxel to the nearest False voxel of its image.

    The ``edt`` package, where it is installed, runs the separable lower-envelope algorithm of
    Felzenszwalb and Huttenlocher (2012); it keeps Python's global lock, so that threads go inside
    an image, not across images. SciPy takes several times as long and gives the same distances:
    to the last bit where the spacing is the same along all axes, else to float32 rounding.

    Args:
        mask: bool, B x C x H x W [x D], on the CPU.
        spacing: voxel size, one number a spatial axis.

    Returns:
        float32 of the same shape; ``inf`` where an image has no False voxel.
    """
    distance = torch.empty(mask.shape, dtype=torch.float32)
    if mask.numel() == 0:
        return distance
    spatial = mask.shape[2:]
    images = mask.contiguous().view(-1, *spatial).numpy()
    for image, out in zip(images, distance.view(-1, *spatial).numpy(), strict=True):
        if image.all():
            out.fill(np.inf)
            continue
        out.fill(0)
        box = _true_box(image)
        if box is not None:
            out[box] = _transform(np.ascontiguousarray(image[box]), spacing)
    return distance


def _true_box(image: np.ndarray) -> tuple[slice, ...] | None:
    """Bounding box of the True voxels, one voxel wider; None if there are none.

    The nearest False voxel of every True one lies in it: moving a False voxel from outside onto the
    rim of the box brings it nearer to everything inside, and the rim is False.
    """
    box = []
    for axis in range(image.ndim):
        others = tuple(other for other in range(image.ndim) if other != axis)
        hits = np.flatnonzero(image.any(axis=others))
        if hits.size == 0:
            return None
        box.append(slice(max(int(hits[0]) - 1, 0), int(hits[-1]) + 2))
    return tuple(box)


def _transform(image: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    # edt adds up float32 steps along the last axis; steps of 1 make that sum exact.
    unit = spacing[-1]
    steps = tuple(step / unit for step in spacing)
    distance: np.ndarray
    if edt is None:
        distance = ndimage.distance_transform_edt(image, sampling=steps).astype(np.float32)
    else:
        threads = max(1, min(torch.get_num_threads(), image.size // _VOXELS_PER_THREAD))
        distance = edt.edt(image, anisotropy=steps, parallel=threads)
    if unit != 1:
        distance *= unit
    return distance
