"""Small NIfTI files to evaluate."""

import os

import nibabel as nib
import numpy as np

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def write(path, data, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.asarray(data), affine), path)
    return path


class Deadly:
    """A path whose reader does not survive."""

    def is_file(self):
        os._exit(1)


def lesions(seed=0, shape=(12, 11, 5)):
    """A mask of lesions, away from the edge; uint8."""
    mask = np.random.default_rng(seed).random(shape) < 0.2
    mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = False
    return mask.astype(np.uint8)


def oblique():
    """An affine of 0.9 x 1.1 x 2.5 mm, tilted out of every axis."""
    q, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = q * [0.9, 1.1, 2.5]
    affine[:3, 3] = [-20, 14, 3]
    return affine
