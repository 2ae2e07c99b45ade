"""What the header of a NIfTI file says of its geometry."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.orientations import io_orientation
from nibabel.spatialimages import HeaderDataError

from medabl.errors import InputError

GZIP = b"\x1f\x8b"
LARGEST_HEADER = nib.Nifti2Header.template_dtype.itemsize

_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: meter, mm, micron
# Axes this much off a right angle (as the cosine) change a distance by 2.5 % at most.
_LARGEST_SHEAR = 0.05


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a file lie.

    Attributes:
        header: nibabel's, as stored but for what `read_geometry` mends.
        shape: as stored, the trailing axes of length one included.
        affine: 4 x 4, indices of the stored axes to mm.
        orientation: 3 x 2, for each stored axis the canonical one (X, Y, Z: towards right,
            anterior, superior) that it is closest to, and 1 or -1 for its direction.
    """

    header: nib.Nifti1Header
    shape: tuple[int, ...]
    affine: npt.NDArray[np.float64]
    orientation: npt.NDArray[np.float64]


def read_start(path: Path) -> bytes:
    """The first bytes of a file, unzipped, as many as a header has.

    Raises:
        InputError: if the file is missing or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        with path.open("rb") as file:
            start = file.read(LARGEST_HEADER)
        if start[:2] != GZIP:
            return start
        with gzip.open(path) as unzipped:
            return unzipped.read(LARGEST_HEADER)
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def read_geometry(path: Path, start: bytes) -> Geometry:
    """Read shape and affine from the header of a single-file NIfTI-1 or NIfTI-2.

    As SimpleITK reads them: lengths in the header's unit are turned to mm; a quaternion longer
    than 1 is cut to 1; an sform of zeros beside a qform does not count; a qfac that is neither 1
    nor -1 is taken by its sign. The sform counts before the qform.

    Args:
        path: the file, for the messages.
        start: its first bytes, unzipped.

    Raises:
        InputError: if there is no such header, the image is not 3D, or the affine has NaN, is
            singular or sheared or contradicts the voxel sizes.
    """
    header = _parse(path, start)
    _mend(header)
    shape = tuple(int(size) for size in header.get_data_shape())
    if len(shape) < 3 or any(size != 1 for size in shape[3:]) or min(shape) < 1:
        raise InputError(f"{path} has shape {shape}; medabl needs one 3D volume a file.")
    unit = _MM.get(int(header["xyzt_units"]) & 7, 1.0)
    sizes = header["pixdim"][1:4].astype(np.float64) * unit
    if not (np.isfinite(sizes).all() and sizes.min() > 0):
        raise InputError(f"{path} has voxels of {_sizes(sizes)} mm in its header; correct it.")
    affine = header.get_best_affine()
    affine[:3] *= unit
    _check_affine(path, header, affine, sizes)
    return Geometry(header, shape, affine, io_orientation(affine))


def _parse(path: Path, start: bytes) -> nib.Nifti1Header:
    if not start:
        raise InputError(f"{path} is empty (0 bytes) and not a NIfTI file; copy it anew.")
    for kind in (nib.Nifti1Header, nib.Nifti2Header):
        if kind.may_contain_header(start):
            break
    else:
        raise InputError(f"{path} is not a NIfTI file; convert it to .nii.gz first.")
    header = kind(start[: kind.template_dtype.itemsize], check=False)
    if header["magic"] != kind.single_magic:
        raise InputError(
            f"{path} is one half of a pair of files (.hdr and .img); convert it to .nii.gz first."
        )
    try:
        header.get_data_dtype()
        header.get_slope_inter()
    except (HeaderDataError, KeyError) as error:
        raise InputError(
            f"{path} has a header with an unknown type of numbers or scaling ({error}); convert it."
        ) from error
    return header


def _mend(header: nib.Nifti1Header) -> None:
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1
    quaternion = ("quatern_b", "quatern_c", "quatern_d")
    length = np.linalg.norm([float(header[name]) for name in quaternion])
    if length > 1:
        for name in quaternion:
            header[name] = header[name] / length
    if header["qform_code"] > 0 and not header.get_sform()[:3, :3].any():
        header["sform_code"] = 0


def _check_affine(
    path: Path,
    header: nib.Nifti1Header,
    affine: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
) -> None:
    form = "sform" if header["sform_code"] > 0 else "qform"
    if not np.isfinite(affine).all():
        raise InputError(f"{path} has NaN or infinity in the {form} of its header; correct it.")
    columns = affine[:3, :3]
    by_affine = np.linalg.norm(columns, axis=0)
    if not by_affine.all() or abs(np.linalg.det(columns / by_affine)) < 1e-6:
        raise InputError(
            f"{path} has a {form} in its header that maps the volume to less than three"
            " dimensions; correct it."
        )
    if not np.allclose(by_affine, sizes, rtol=0.01, atol=0):
        raise InputError(
            f"{path} contradicts itself: its header gives voxels of {_sizes(sizes)} mm, "
            f"its affine of {_sizes(by_affine)} mm; correct its header."
        )
    cosines = (columns / by_affine).T @ (columns / by_affine) - np.eye(3)
    if abs(cosines).max() > _LARGEST_SHEAR:
        degrees = np.degrees(np.arcsin(abs(cosines).max()))
        raise InputError(
            f"{path} has axes that are {degrees:.1f} degrees off a right angle ({form} with"
            " shear); resample it onto a grid of right angles, for instance with nibabel's"
            " resample_to_output."
        )


def _sizes(sizes: npt.NDArray[np.float64]) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes)
