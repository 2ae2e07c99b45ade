"""The picture of the phantom: slices of three of its subjects with the labels outlined.

python scripts/phantom_figure.py ROOT docs/figures/phantom.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure

LESION, OTHER = "#e69f00", "#56b4e9"
HEIGHTS_MM = (-30, -4, 10, 24, 40, 58)


def subject_rows(folder: Path) -> tuple[list[list[np.ndarray]], list[np.ndarray], float]:
    """FLAIR and T1 slices, label slices, and the pixel's height over its width."""
    image = nib.as_closest_canonical(nib.load(folder / "pre" / "FLAIR.nii.gz"))
    flair = np.asarray(image.dataobj, np.float32)
    t1, wmh = (
        np.asarray(nib.as_closest_canonical(nib.load(folder / name)).dataobj, np.float32)
        for name in ("pre/T1.nii.gz", "wmh.nii.gz")
    )
    x, y = np.nonzero((flair > 0).any(2))
    window = np.s_[x.min() - 2 : x.max() + 3, y.min() - 2 : y.max() + 3]
    heights = image.affine[2, 3] + image.affine[2, 2] * np.arange(flair.shape[2])
    places = [int(np.argmin(np.abs(heights - z))) for z in HEIGHTS_MM]
    pictures = []
    for volume in (flair, t1):
        top = float(np.quantile(volume[volume > 0], 0.998))
        pictures.append([np.clip(volume[window][:, :, k].T / top, 0, 1) for k in places])
    labels = [wmh[window][:, :, k].T for k in places]
    width, height = image.header.get_zooms()[:2]
    return pictures, labels, float(height / width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument(
        "--subjects", nargs="+", help="folders below ROOT (default: the first three)"
    )
    args = parser.parse_args()

    names = args.subjects or [
        sorted(p.parent for p in (args.root / site).rglob("wmh.nii.gz"))[0].relative_to(args.root)
        for site in ("Utrecht", "Singapore", "Amsterdam")
    ]
    columns, rows = len(HEIGHTS_MM), 2 * len(names)
    figure = Figure(figsize=(1.7 * columns, 2.05 * rows), facecolor="black")
    for n, name in enumerate(names):
        pictures, labels, aspect = subject_rows(args.root / name)
        for m, row in enumerate(pictures):
            for k, picture in enumerate(row):
                axes = figure.add_axes(
                    (k / columns, 1 - (2 * n + m + 1) / rows, 1 / columns, 0.98 / rows)
                )
                axes.imshow(picture, cmap="gray", origin="lower", vmin=0, vmax=1, aspect=aspect)
                axes.axis("off")
                for label, colour in ((1, LESION), (2, OTHER)) if m == 0 else ():
                    if (labels[k] == label).any():
                        mask = (labels[k] == label).astype(float)
                        axes.contour(mask, [0.5], colors=colour, linewidths=0.6)
            kind = ("FLAIR", "T1")[m]
            figure.text(
                0.004,
                1 - (2 * n + m) / rows - 0.004,
                f"{name}  {kind}",
                color="white",
                fontsize=7,
                va="top",
            )
    figure.savefig(args.picture, dpi=90, facecolor="black")


if __name__ == "__main__":
    main()
