"""The three scanners of the cohort: geometry, contrast, noise and bias of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contrast:
    """Signal of each tissue as a multiple of white matter's."""

    csf: float
    cortex: float
    deep_grey: float
    lesion: float


@dataclass(frozen=True)
class Site:
    """One scanner.

    Attributes:
        folder: the site's folder, as in the WMH Segmentation Challenge.
        first_id: the first subject's number there.
        shape, spacing: voxels and mm along x, y, z.
        flair, t1: contrast of each sequence.
        flair_scale, t1_scale: signal of white matter in the file's units.
        noise: standard deviation of FLAIR's noise as a part of white matter's signal.
        bias: standard deviation of the bias field's logarithm.
        blur: in-plane point spread, standard deviation in mm.
        tilt_degrees: rotation of the slices about the left-right axis, as the header tells it.
        flips_x: whether the first axis runs from right to left.
    """

    folder: str
    first_id: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    flair: Contrast
    t1: Contrast
    flair_scale: float
    t1_scale: float
    noise: float
    bias: float
    blur: float
    tilt_degrees: float
    flips_x: bool


SITES = (
    Site(
        folder="Utrecht",
        first_id=0,
        shape=(240, 240, 48),
        spacing=(0.96, 0.95, 3.0),
        flair=Contrast(csf=0.22, cortex=1.18, deep_grey=1.10, lesion=1.57),
        t1=Contrast(csf=0.17, cortex=0.76, deep_grey=0.85, lesion=0.78),
        flair_scale=190.0,
        t1_scale=780.0,
        noise=0.045,
        bias=0.05,
        blur=0.45,
        tilt_degrees=-6.0,
        flips_x=True,
    ),
    Site(
        folder="Singapore",
        first_id=50,
        shape=(232, 256, 48),
        spacing=(1.0, 1.0, 3.0),
        flair=Contrast(csf=0.16, cortex=1.23, deep_grey=1.14, lesion=1.69),
        t1=Contrast(csf=0.13, cortex=0.70, deep_grey=0.82, lesion=0.72),
        flair_scale=420.0,
        t1_scale=310.0,
        noise=0.055,
        bias=0.06,
        blur=0.55,
        tilt_degrees=3.5,
        flips_x=True,
    ),
    Site(
        folder="Amsterdam/GE3T",
        first_id=100,
        shape=(132, 256, 83),
        spacing=(1.2, 0.98, 3.0),
        flair=Contrast(csf=0.28, cortex=1.17, deep_grey=1.08, lesion=1.60),
        t1=Contrast(csf=0.20, cortex=0.79, deep_grey=0.87, lesion=0.81),
        flair_scale=115.0,
        t1_scale=1650.0,
        noise=0.05,
        bias=0.08,
        blur=0.6,
        tilt_degrees=0.0,
        flips_x=False,
    ),
)
