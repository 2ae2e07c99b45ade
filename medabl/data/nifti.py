"""Reading NIfTI files in one orientation, so that a bad one is named and explained."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nibabel.orientations import apply_orientation, inv_ornt_aff
from nibabel.volumeutils import apply_read_scaling

from medabl.data.header import GZIP, Geometry, read_geometry
from medabl.errors import InputError

NIFTI_SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Volume:
    """A 3D volume in the canonical orientation.

    Its axes are X, Y, Z, of all the file's axes and their reversals those closest to right,
    anterior and superior; so however a file stores a volume, its data are the same.

    Attributes:
        path: the file it came from.
        data: X x Y x Z, scaled as the header says; may be read-only.
        affine: 4 x 4, voxel indices to mm.
        spacing: voxel edge lengths in mm, one an axis.
    """

    path: Path
    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    spacing: tuple[float, float, float]

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel in mm^3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))


def read_nifti(path: Path) -> Volume:
    """Read a 3D NIfTI file whole.

    Trailing axes of length one are dropped; integer files stay integers. Zipped files are known
    by their content, not their name. Geometry as `read_geometry`.

    Raises:
        InputError: if the file is missing, empty, no NIfTI, cut short, not 3D, holds NaN or no real
            numbers, or its geometry cannot be used.
    """
    content = _content(path)
    geometry = read_geometry(path, content)
    stored = _stored(path, geometry, content)
    if stored.dtype.kind not in "buif":
        raise InputError(f"{path} holds {stored.dtype} values; medabl needs real numbers.")
    # The sum is NaN or infinite when any voxel is, and costs no second copy of the volume.
    if stored.dtype.kind == "f" and not np.isfinite(stored.sum(dtype=np.float64)):
        raise InputError(f"{path} has voxels that are NaN or infinite; repair or remove the file.")
    affine = geometry.affine @ inv_ornt_aff(geometry.orientation, stored.shape)
    x, y, z = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return Volume(path, apply_orientation(stored, geometry.orientation), affine, (x, y, z))


def check_same_grid(first: Volume, second: Volume) -> None:
    """Check that two volumes lie on the same grid, to a tenth of a voxel at every corner.

    Raises:
        InputError: naming both files, if they do not.
    """
    if first.data.shape != second.data.shape:
        raise InputError(
            f"{first.path} has shape {first.data.shape} but {second.path} has {second.data.shape}"
            " (right, anterior, superior); resample one onto the other's grid."
        )
    far = np.array(first.data.shape) - 1
    corners = np.array([[*(far * c), 1] for c in np.ndindex(2, 2, 2)])
    moved = np.linalg.norm(corners @ (first.affine - second.affine).T, axis=1).max()
    if moved > 0.1 * min(first.spacing):
        raise InputError(
            f"{first.path} and {second.path} have affines that place the same voxel up to"
            f" {moved:.2f} mm apart; resample one onto the other's grid or correct its header."
        )


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return gzip.decompress(content) if content[:2] == GZIP else content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be unzipped to its end ({error}): it is cut short or damaged; copy it"
            " anew."
        ) from error


def _stored(path: Path, geometry: Geometry, content: bytes) -> npt.NDArray[Any]:
    header, shape = geometry.header, geometry.shape
    dtype = header.get_data_dtype()
    start = max(header.get_data_offset(), header.single_vox_offset)
    needed = start + math.prod(shape) * dtype.itemsize
    if len(content) < needed:
        raise InputError(
            f"{path} has {len(content)} of the {needed} bytes that its header announces: it is"
            " cut short or damaged; copy it anew."
        )
    values = np.frombuffer(content, dtype, math.prod(shape), start)
    slope, inter = header.get_slope_inter()
    if slope is not None:
        values = apply_read_scaling(values, slope, inter)
    return values.reshape(shape[:3], order="F")
