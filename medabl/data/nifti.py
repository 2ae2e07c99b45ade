"""Reading NIfTI files so that a bad one is named and explained."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from medabl.errors import InputError

LABELS = (0, 1, 2)
"""Background, lesion, other pathology."""

_DAMAGE = (OSError, EOFError, ValueError, zlib.error, HeaderDataError)


@dataclass(frozen=True)
class Volume:
    """A 3D volume in its own geometry.

    Attributes:
        path: the file it came from.
        data: X x Y x Z, scaled as the header says.
        affine: 4 x 4, voxel indices to mm.
        spacing: voxel edge lengths in mm, one an axis.
    """

    path: Path
    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    spacing: tuple[float, float, float]


def read_nifti(path: Path) -> Volume:
    """Read a 3D NIfTI file whole.

    Trailing axes of length one are dropped; integer files stay integers.

    Raises:
        InputError: if the file is missing, no NIfTI, cut short, not 3D, holds NaN or no real
            numbers, or has no valid voxel size.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        image = nib.load(path)
        data = np.asanyarray(image.dataobj)
        sizes = _stored_voxel_sizes(path)
    except ImageFileError as error:
        raise InputError(f"{path} is not a NIfTI file; convert it to .nii.gz first.") from error
    except _DAMAGE as error:
        raise InputError(
            f"{path} cannot be read to its end ({_line(error)}): it is cut short or damaged;"
            " copy it anew."
        ) from error
    if data.ndim < 3 or any(size > 1 for size in data.shape[3:]) or not data.size:
        raise InputError(f"{path} has shape {data.shape}; medabl needs one 3D volume a file.")
    if data.dtype.kind not in "buif":
        raise InputError(f"{path} holds {data.dtype} values; medabl needs real numbers.")
    # The sum is NaN or infinite when any voxel is, and costs no second copy of the volume.
    if not np.isfinite(data.sum(dtype=np.float64)):
        raise InputError(f"{path} has voxels that are NaN or infinite; repair or remove the file.")
    singular = abs(np.linalg.det(image.affine[:3, :3])) < 1e-9
    if min(sizes) <= 0 or not np.isfinite([*sizes]).all() or singular:
        shown = " x ".join(f"{size:.4g}" for size in sizes)
        raise InputError(f"{path} has voxels of {shown} mm in its header; correct it.")
    return Volume(path, data.reshape(data.shape[:3]), image.affine, sizes)


def read_labels(path: Path) -> Volume:
    """Read a mask of the labels 0, 1 (lesion) and 2 (other pathology), stored as any number.

    Returns:
        the volume with uint8 data.

    Raises:
        InputError: as `read_nifti`, or if there are other values.
    """
    volume = read_nifti(path)
    rounded = np.rint(volume.data)
    if not np.isin(rounded, LABELS).all() or np.abs(volume.data - rounded).max() > 1e-3:
        found = np.unique(volume.data)
        raise InputError(
            f"{path} has {len(found)} different values such as"
            f" {', '.join(f'{value:g}' for value in found[:4])}; a mask holds 0 (background),"
            " 1 (lesion) and 2 (other pathology)."
        )
    return replace(volume, data=rounded.astype(np.uint8))


def check_same_grid(first: Volume, second: Volume) -> None:
    """Check that two volumes lie on the same grid, to a tenth of a voxel at every corner.

    Raises:
        InputError: naming both files, if they do not.
    """
    if first.data.shape != second.data.shape:
        raise InputError(
            f"{first.path} has shape {first.data.shape} but {second.path} has {second.data.shape};"
            " resample one onto the other's grid."
        )
    far = np.array(first.data.shape) - 1
    corners = np.array([[*(far * c), 1] for c in np.ndindex(2, 2, 2)])
    moved = np.linalg.norm(corners @ (first.affine - second.affine).T, axis=1).max()
    if moved > 0.1 * min(first.spacing):
        raise InputError(
            f"{first.path} and {second.path} have affines that place the same voxel up to"
            f" {moved:.2f} mm apart; resample one onto the other's grid or correct its header."
        )


def _line(error: Exception) -> str:
    # nibabel's messages run over several lines.
    return " ".join(str(error).split())


def _stored_voxel_sizes(path: Path) -> tuple[float, float, float]:
    # nibabel replaces a voxel size of 0 by 1 when it loads a file; only the bytes tell.
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        start = file.read(nib.Nifti2Header.template_dtype.itemsize)
    for kind in (nib.Nifti1Header, nib.Nifti2Header):
        if kind.may_contain_header(start):
            header = kind(start[: kind.template_dtype.itemsize], check=False)
            x, y, z = (float(size) for size in header["pixdim"][1:4])
            return x, y, z
    raise ImageFileError(f"{path} has no NIfTI header")
