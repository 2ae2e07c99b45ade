"""Intensities of a phantom cohort beside those of real scans.

    python scripts/phantom_histograms.py ROOT REAL docs/figures/phantom_histograms.png

Both folders hold skull-stripped subjects in the challenge's layout. Intensities are multiples of
the median of each scan's brain, so that scanners' scales fall out; a thin line is a subject, the
thick one the mean over the subjects.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BINS = np.linspace(0, 2.2, 111)
FEWEST_VOXELS = 100  # of which a density says anything
COHORTS = {"phantom": "#e69f00", "real": "#0072b2"}


def densities(folder: Path) -> dict[str, np.ndarray]:
    """Densities of intensity over the brain's median, for each panel with enough voxels."""
    flair, t1, label = (
        np.asarray(nib.load(folder / name).dataobj, np.float32)
        for name in ("pre/FLAIR.nii.gz", "pre/T1.nii.gz", "wmh.nii.gz")
    )
    brain = (flair > 0) & (t1 > 0)
    lesion = brain & (np.rint(label) == 1)
    panels = {
        "FLAIR, brain": flair[brain] / np.median(flair[brain]),
        "FLAIR, lesions": flair[lesion] / np.median(flair[brain]),
        "T1, brain": t1[brain] / np.median(t1[brain]),
    }
    return {
        name: np.histogram(values, BINS, density=True)[0]
        for name, values in panels.items()
        if values.size >= FEWEST_VOXELS
    }


def draw(axes: Axes, rows: list[np.ndarray], colour: str, label: str) -> None:
    middles = (BINS[1:] + BINS[:-1]) / 2
    for row in rows:
        axes.plot(middles, row, color=colour, linewidth=0.5, alpha=0.35)
    axes.plot(middles, np.mean(rows, axis=0), color=colour, linewidth=2, label=label)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()

    figure = Figure(figsize=(10, 3), layout="constrained")
    panels = ("FLAIR, brain", "FLAIR, lesions", "T1, brain")
    grid = dict(zip(panels, figure.subplots(1, 3), strict=True))
    for (cohort, colour), root in zip(COHORTS.items(), (args.root, args.real), strict=True):
        folders = sorted(path.parent for path in root.rglob("wmh.nii.gz"))
        if not folders:
            raise SystemExit(f"No wmh.nii.gz below {root}: give the folder of a cohort.")
        measured = [densities(folder) for folder in folders]
        for name, axes in grid.items():
            rows = [panel[name] for panel in measured if name in panel]
            draw(axes, rows, colour, f"{cohort}, {len(folders)} subjects")
    for name, axes in grid.items():
        axes.set(title=name, xlabel="intensity / median of the brain", yticks=[], ylim=(0, None))
        axes.spines[["top", "right", "left"]].set_visible(False)
    grid[panels[0]].legend(frameon=False, fontsize=8)
    figure.savefig(args.picture, dpi=110)


if __name__ == "__main__":
    main()
