"""What one mask is like: lesions, slices, boundary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from medabl.geometry import label_boundary

Array = npt.NDArray[np.float64]
_CONNECTED = np.ones((3, 3, 3))  # 26 neighbours, as the WMH challenge counts lesions


@dataclass(frozen=True)
class MaskFacts:
    """Facts of a mask, slices along its last axis.

    Attributes:
        lesion_voxels: size of each connected lesion, in voxels.
        lesion_extents: lesions x 3, the box around each, in voxels.
        slices: number of slices.
        boundary_shares: of each slice that has any, the share of its voxels on the true boundary
            as the active boundary loss sees it.
        boundary_share_3d: the same of the whole volume.
        boundary_of_lesion: share of the lesion voxels with a neighbour of another label in plane.
    """

    lesion_voxels: Array
    lesion_extents: Array
    slices: int
    boundary_shares: Array
    boundary_share_3d: float
    boundary_of_lesion: float

    @property
    def empty_slices(self) -> int:
        """Slices without any boundary: no lesion, or nothing else."""
        return self.slices - len(self.boundary_shares)


def measure(classes: npt.NDArray[np.uint8]) -> MaskFacts:
    """Measure a mask.

    Args:
        classes: X x Y x Z class indices, slices along the last axis; all but 0 is lesion.
    """
    lesion = classes > 0
    numbered, count = ndimage.label(lesion, _CONNECTED)
    boxes = ndimage.find_objects(numbered)
    extents = [[part.stop - part.start for part in box] for box in boxes]
    labels = torch.from_numpy(np.ascontiguousarray(classes))
    in_plane = label_boundary(labels.permute(2, 0, 1)[:, None]).flatten(1).float().mean(1)
    in_volume = label_boundary(labels[None, None]).float().mean()
    inside = lesion & ~_inner(classes)
    return MaskFacts(
        np.bincount(numbered.ravel(), minlength=count + 1)[1:].astype(float),
        np.array(extents, float).reshape(-1, 3),
        classes.shape[2],
        in_plane[in_plane > 0].double().numpy(),
        float(in_volume),
        float(inside.sum() / max(lesion.sum(), 1)),
    )


def _inner(classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Voxels whose four neighbours in plane are of their own class."""
    cross = ndimage.generate_binary_structure(2, 1)[..., None]
    lowest = ndimage.minimum_filter(classes, footprint=cross, mode="nearest")
    highest = ndimage.maximum_filter(classes, footprint=cross, mode="nearest")
    return np.asarray(lowest == highest)
