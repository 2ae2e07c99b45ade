"""The example of a mask and its shifted copy, stored in many ways."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.diag([0.9, 0.95, 3, 1])
AFFINE[:3, 3] = [-18, -20, 7]

ORIENTATIONS = [
    np.column_stack([axes, signs])
    for axes in itertools.permutations(range(3))
    for signs in itertools.product([1, -1], repeat=3)
]
"""All 48 ways to order and turn three axes, as nibabel writes them."""


def mask() -> np.ndarray:
    """A lesion of 231 voxels (0.5925 ml) and some other pathology."""
    m = np.zeros((40, 44, 12), np.uint8)
    m[9:16, 9:20, 4:7] = 1
    m[30:34, 5:9, 2] = 2
    return m


def shifted() -> np.ndarray:
    """The lesion rolled by one voxel (0.9 mm): Dice 6/7, Hausdorff distance 0.9 mm."""
    return np.roll(mask() == 1, 1, axis=0).astype(np.uint8)


def oblique() -> np.ndarray:
    """Right-angled axes of three lengths, some 20 degrees off those of the patient."""
    a, b = np.radians([20, 12])
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_z = [[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]
    affine = np.eye(4)
    affine[:3, :3] = np.array(about_x) @ about_z @ np.diag([0.9, 0.95, 3])
    affine[:3, 3] = [-18, -20, 7]
    return affine


def image(data: np.ndarray, affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    """With one and the same affine as sform and qform."""
    result = nib.Nifti1Image(data, affine)
    result.set_sform(affine, 1)
    result.set_qform(affine, 1)
    return result


def reoriented(source: nib.Nifti1Image, orientation: np.ndarray) -> nib.Nifti1Image:
    """The same voxels in the same places, stored along other axes."""
    turned = source.as_reoriented(orientation)
    turned.set_sform(turned.affine, 1)
    turned.set_qform(turned.affine, 1)
    return turned


def save(
    path: Path, data: np.ndarray, change: Callable[[nib.Nifti1Header], None] | None = None
) -> Path:
    """Write a file byte by byte, so that nobody repairs the header that `change` has changed."""
    source = image(data)
    header = source.header.copy()
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    if change is not None:
        change(header)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.binaryblock + bytes(4) + data.tobytes(order="F"))
    return path
