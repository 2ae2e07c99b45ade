"""Lesion statistics of a cohort beside those measured on thirteen real FLAIR scans.

    python scripts/phantom_statistics.py ROOT [--real ROOT2]

ROOT holds skull-stripped subjects in the challenge's layout (`medabl phantom ROOT` writes some).
The real ranges come from thirteen skull-stripped scans of three sources; `--real` adds a column for
subjects of your own. Subjects with less than half a millilitre of lesion are named and left out of
the ranges: the real scans had none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

# Statistic -> lowest, median, highest of the real scans; None where the median was not measured.
REAL = {
    "lesion volume, ml": (1, 12, 128),
    "connected lesions": (11, 34, 102),
    "median lesion, mm3": (12, 46, 180),
    "largest lesion, ml": (0.2, None, 127),
    "slices with lesion, %": (40, 60, 75),
    "lesion voxels, % of brain": (0.1, 1.3, 8.5),
    "in-plane boundary, % of lesion": (23, 66, 94),
    "lesion / brain intensity": (1.29, 1.38, 1.61),
    "difference, robust sd": (1.6, 2.3, 3.1),
    "dimmest tenth / brain": (1.06, 1.22, 1.36),
    "DSC of best threshold": (0.09, 0.40, 0.85),
}
NEARLY_EMPTY_ML = 0.5


def subject_statistics(folder: Path) -> dict[str, float]:
    """The statistics of one subject; only the volume where it has no lesion."""
    image = nib.load(folder / "pre" / "FLAIR.nii.gz")
    flair = np.asarray(image.dataobj, np.float32)
    lesion = np.round(np.asarray(nib.load(folder / "wmh.nii.gz").dataobj)) == 1
    brain = flair > 0
    lesion &= brain
    voxel = float(np.prod(image.header.get_zooms()[:3]))
    volume = lesion.sum() * voxel / 1000
    if not lesion.any():
        return {"lesion volume, ml": 0.0}
    labels, count = ndimage.label(lesion, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:] * voxel
    inner = ndimage.binary_erosion(lesion, ndimage.generate_binary_structure(2, 1)[:, :, None])
    median = float(np.median(flair[brain]))
    spread = 1.4826 * float(np.median(np.abs(flair[brain] - median)))
    inside = flair[lesion]
    has_brain = brain.any((0, 1)).sum()
    return {
        "lesion volume, ml": volume,
        "connected lesions": count,
        "median lesion, mm3": float(np.median(sizes)),
        "largest lesion, ml": sizes.max() / 1000,
        "slices with lesion, %": 100 * lesion.any((0, 1)).sum() / has_brain,
        "lesion voxels, % of brain": 100 * lesion.sum() / brain.sum(),
        "in-plane boundary, % of lesion": 100 * (1 - inner.sum() / lesion.sum()),
        "lesion / brain intensity": float(np.median(inside)) / median,
        "difference, robust sd": (float(np.median(inside)) - median) / spread,
        "dimmest tenth / brain": float(np.quantile(inside, 0.1)) / median,
        "DSC of best threshold": best_threshold_dsc(flair[brain], lesion[brain]),
    }


def best_threshold_dsc(values: np.ndarray, truth: np.ndarray) -> float:
    """DSC of the best rule "brighter than t is lesion", over every t."""
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(truth[order])
    dsc = 2 * hits / (np.arange(1, len(values) + 1) + truth.sum())
    last = np.append(values[order][1:] != values[order][:-1], True)
    return float(dsc[last].max())


def cohort_statistics(root: Path) -> pd.DataFrame:
    """A row for each subject below `root`."""
    folders = sorted(path.parent for path in root.rglob("wmh.nii.gz"))
    if not folders:
        raise SystemExit(f"No wmh.nii.gz below {root}: give the folder of a cohort.")
    rows = [subject_statistics(folder) for folder in folders]
    return pd.DataFrame(rows, index=[f.relative_to(root).as_posix() for f in folders])


def spell(low: float, median: float | None, high: float) -> str:
    """`low - high (median)` with three digits."""
    middle = "" if median is None else f" ({median:.3g})"
    return f"{low:.3g} - {high:.3g}{middle}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--real", type=Path, help="real subjects to set beside the cohort")
    parser.add_argument("--subjects", action="store_true", help="print every subject's row too")
    args = parser.parse_args()

    columns = {"cohort": args.root} | ({"your real": args.real} if args.real else {})
    tables = {name: cohort_statistics(root) for name, root in columns.items()}
    print("| range (median) | 13 real scans | " + " | ".join(columns) + " | cohort in real range |")
    print("|---|---|" + "---|" * len(columns) + "---|")
    for name, (low, middle, high) in REAL.items():
        cells = [name, spell(low, middle, high)]
        for table in tables.values():
            values = table.loc[table["lesion volume, ml"] >= NEARLY_EMPTY_ML, name].dropna()
            cells.append(spell(values.min(), values.median(), values.max()))
        cohort = tables["cohort"]
        values = cohort.loc[cohort["lesion volume, ml"] >= NEARLY_EMPTY_ML, name]
        cells.append(f"{100 * values.between(low, high).mean():.0f} %")
        print("| " + " | ".join(cells) + " |")
    loads = tables["cohort"]["lesion volume, ml"]
    empty = loads[loads < NEARLY_EMPTY_ML]
    listed = ", ".join(f"{name} {value:.2f} ml" for name, value in empty.items()) or "none"
    print(f"\n{len(loads)} subjects; nearly without lesions: {listed}")
    if args.subjects:
        print(tables["cohort"].round(2).to_string())


if __name__ == "__main__":
    main()
