"""Detection curves: the share of lesions found against their size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from medabl.report.detection import size_label
from medabl.report.figures.style import method_colours, method_markers, panels, styled
from medabl.report.runs import Runs


@styled
def detection_curves(runs: Runs, table: pd.DataFrame) -> Figure | None:
    """Draw the share of reference lesions found, by volume, with 95 % Wilson intervals.

    Args:
        runs: for the order and colours of the methods.
        table: from `detection_by_size`.

    Returns:
        the figure; None when the table is empty.
    """
    if table.empty:
        return None
    ranges = sorted(set(zip(table["volume_low_mm3"], table["volume_high_mm3"], strict=True)))
    position = {low: i for i, (low, _) in enumerate(ranges)}
    figure, ((axes,),) = panels(1, 1, 6.4, 3.3)
    colours, markers = method_colours(runs.methods), method_markers(runs.methods)
    shown = [method for method in runs.methods if method in set(table["method"])]
    for k, method in enumerate(shown):
        mine = table[table["method"] == method]
        shift = 0.1 * (k - (len(shown) - 1) / 2)
        x = np.array([position[low] for low in mine["volume_low_mm3"]]) + shift
        y = mine["share"].to_numpy()
        error = np.maximum(np.stack([y - mine["low"], mine["high"] - y]), 0)
        axes.errorbar(
            x,
            y,
            error,
            color=colours[method],
            marker=markers[method],
            markersize=5.5,
            linewidth=1.6,
            elinewidth=1.1,
            capsize=2.5,
            label=runs.methods[method],
        )
    names = []
    for low, high in ranges:
        lesions = table.loc[table["volume_low_mm3"] == low, "lesions"].max()
        names.append(f"{size_label(low, high)}\nn = {lesions:g}")
    axes.set_xticks(range(len(ranges)), names)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("Volume of the reference lesion (mm³)")
    axes.set_ylabel("Lesions detected")
    figure.legend(loc="outside upper left", ncols=min(4, len(shown)))
    return figure
