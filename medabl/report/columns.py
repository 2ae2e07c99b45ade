"""The metrics a report knows: how each column of an evaluation CSV is called, read and printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """One metric column.

    Args:
        column: its name in the evaluation CSV.
        label: its name for people.
        unit: ``"mm"``, ``"%"`` or empty for a number without unit.
        higher_is_better: the direction in which it improves.
        digits: decimals worth printing.
        family: ``"slice"`` (the published slice-wise protocol), ``"volume"`` or ``"challenge"``.
        of_class: the class it was measured on; empty for a metric of all evaluated classes.
    """

    column: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int
    family: str
    of_class: str = ""

    @property
    def heading(self) -> str:
        """Label with unit and an arrow in the direction of better values."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.label}{unit} {'↑' if self.higher_is_better else '↓'}"

    @property
    def name_with_unit(self) -> str:
        """Label with unit, as an axis is labelled."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def format(self, value: float, signed: bool = False) -> str:
        """Print `value` with the metric's decimals and a true minus sign; NaN is a dash."""
        if value != value:
            return "\N{EN DASH}"
        text = f"{value:+.{self.digits}f}" if signed else f"{value:.{self.digits}f}"
        if float(text) == 0:
            text = text.lstrip("+-")
        return text.replace("-", "\N{MINUS SIGN}")


METRICS = (
    Metric("slice_dsc", "Slice DSC", "", True, 3, "slice"),
    Metric("slice_hd_rows", "Slice HD-rows", "", False, 3, "slice"),
    Metric("dsc", "3D DSC", "", True, 3, "volume"),
    Metric("hd95_mm", "HD95", "mm", False, 2, "volume"),
    Metric("hd_mm", "HD", "mm", False, 2, "volume"),
    Metric("assd_mm", "ASSD", "mm", False, 2, "volume"),
    Metric("challenge_dsc", "Challenge DSC", "", True, 3, "challenge"),
    Metric("challenge_h95_mm", "Challenge H95", "mm", False, 2, "challenge"),
    Metric("challenge_avd_percent", "Challenge AVD", "%", False, 1, "challenge"),
    Metric("challenge_recall", "Lesion recall", "", True, 3, "challenge"),
    Metric("challenge_f1", "Lesion F1", "", True, 3, "challenge"),
)

# What decides which loss is better, in this order of preference.
PRIMARY = ("dsc", "challenge_dsc", "slice_dsc")

_SURFACE_DICE = re.compile(r"surface_dice_(\d+(?:\.\d+)?)mm")


def known_metrics(columns: Iterable[str]) -> tuple[Metric, ...]:
    """Give the metrics of all classes among `columns`, in the order in which reports show them."""
    names = list(columns)
    found = [metric for metric in METRICS if metric.column in names]
    surface = [metric for name in names if (metric := _surface_dice(name)) is not None]
    return tuple(found + surface)


def class_metrics(columns: Iterable[str]) -> tuple[Metric, ...]:
    """Give the metrics of single classes (``dsc_<class>``) that belong to metrics of all of them.

    The classes are in the order of the columns, and the metrics of each in reports' order.
    """
    names = list(columns)
    found: dict[str, list[Metric]] = {}
    for metric in known_metrics(names):
        for name in names:
            if name.startswith(f"{metric.column}_"):
                of_class = name.removeprefix(f"{metric.column}_")
                found.setdefault(of_class, []).append(
                    replace(metric, column=name, of_class=of_class)
                )
    return tuple(metric for metrics in found.values() for metric in metrics)


def primary_metric(metrics: Iterable[Metric]) -> Metric:
    """Give the metric the verdict rests on: 3D DSC where it was computed, else the first."""
    available = list(metrics)
    by_column = {metric.column: metric for metric in available}
    for column in PRIMARY:
        if column in by_column:
            return by_column[column]
    return available[0]


def validation_label(column: str) -> str:
    """Name a validation metric of ``epochs.csv`` for people: ``validation slice DSC``."""
    name = column.removeprefix("val_")
    metric = next(iter(known_metrics([name])), None)
    if metric is None:
        return f"validation {name.replace('_', ' ')}"
    first, *others = metric.label.split()
    # "Slice DSC" is no name within a sentence, "DSC" and "HD95" are.
    words = [first.lower() if first.istitle() else first, *others]
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"validation {' '.join(words)}{unit}"


def _surface_dice(name: str) -> Metric | None:
    match = _SURFACE_DICE.fullmatch(name)
    if match is None:
        return None
    return Metric(name, f"Surface Dice at {match[1]} mm", "", True, 3, "volume")
