"""Masks and probabilities written as the scan they belong to is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.orientations import apply_orientation, ornt_transform

from medabl.data.axes import SliceAxis, axes_with_slices_last
from medabl.data.header import read_geometry, read_start
from medabl.files import atomic_path
from medabl.task import WMH, Task

_CANONICAL = np.array([[0, 1], [1, 1], [2, 1]])


def write_like(
    scan: Path,
    data: npt.NDArray[Any],
    path: Path,
    slice_axis: SliceAxis = "axial",
    task: Task = WMH,
) -> None:
    """Write a result on a scan's canonical grid with the scan's own axes, affine and header.

    Args:
        scan: the NIfTI file.
        data: class indices (integers, written as the task's labels in uint8) or probabilities
            (floats, written as float32), on the grid that `read_nifti` gives for the scan: X x Y x
            Z or, with another slice axis, as `LoadVolumed` orders the axes.
        path: ``.nii.gz`` or ``.nii``; whole or not there.
        slice_axis: which of the canonical axes is the last one of `data`.
        task: whose classes these are.

    Raises:
        InputError: if the scan's header cannot be used.
        ValueError: if the shape is not the scan's.
    """
    geometry = read_geometry(scan, read_start(scan))
    is_probability = data.dtype.kind == "f"
    values = data.astype(np.float32) if is_probability else task.to_labels(data.astype(np.uint8))
    canonical = values.transpose(np.argsort(axes_with_slices_last(slice_axis)))
    stored = apply_orientation(canonical, ornt_transform(_CANONICAL, geometry.orientation))
    if stored.shape != geometry.shape[:3]:
        raise ValueError(
            f"data has shape {data.shape}, which is {stored.shape} in the axes of {scan}; that has"
            f" {geometry.shape[:3]}."
        )
    header = geometry.header
    header.set_data_dtype(values.dtype)
    header.set_slope_inter(1, 0)
    header.set_data_offset(0)  # the scan's header extensions do not come along
    header["cal_min"], header["cal_max"] = 0, values.max()
    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    # Without an affine the header's codes, forms and units stay.
    image = kind(stored.reshape(geometry.shape), None, header)
    with atomic_path(path) as temporary:
        nib.save(image, temporary)
