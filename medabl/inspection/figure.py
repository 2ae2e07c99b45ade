"""A picture of a data set: lesion sizes, boundary shares, slices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from medabl.inspection.measure import MaskFacts
from medabl.report.figures.style import PALETTE, styled


@styled
def inspection_figure(facts: Mapping[str, MaskFacts], voxel_mm3: Mapping[str, float]) -> Figure:
    """Draw histograms of lesion volumes and boundary shares, and each subject's slices.

    Args:
        facts: of each subject.
        voxel_mm3: of each subject.
    """
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    sizes, shares, slices = figure.subplots(1, 3)
    volumes = np.concatenate([one.lesion_voxels * voxel_mm3[name] for name, one in facts.items()])
    if volumes.size:
        bins = np.geomspace(volumes.min(), volumes.max() * 1.001, 25).tolist()
        sizes.hist(volumes, bins=bins, color=PALETTE[0])
        sizes.set_xscale("log")
    sizes.set(title="Lesions", xlabel="volume (mm³)", ylabel="number")

    percent = 100 * np.concatenate([one.boundary_shares for one in facts.values()])
    if percent.size:
        shares.hist(percent, bins=25, color=PALETTE[1])
    shares.set(title="Slices with a boundary", xlabel="boundary voxels (%)", ylabel="number")

    order = sorted(facts, key=lambda name: facts[name].slices - facts[name].empty_slices)
    filled = [facts[name].slices - facts[name].empty_slices for name in order]
    places = np.arange(len(order))
    slices.bar(places, filled, color=PALETTE[2])
    empty = [facts[name].empty_slices for name in order]
    slices.bar(places, empty, bottom=filled, color=PALETTE[2], alpha=0.3)
    slices.set(xlabel="subjects, sorted", ylabel="number", xticks=[])
    slices.set_title("Slices with a boundary (dark) and without")
    slices.grid(axis="x", visible=False)
    return figure
