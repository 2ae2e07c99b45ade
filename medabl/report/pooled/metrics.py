"""What the metrics of pictures and videos are called."""

from __future__ import annotations

import re

from medabl.report.columns import Metric

_NAMES = {"miou": "mIoU", "iou": "IoU", "pixel_accuracy": "Pixel accuracy"}
_BOUNDARY = re.compile(r"(strict_)?boundary_f_(\d+)px")
_DAVIS = re.compile(r"([jf])_(mean|recall|decay)")
_MULTI_SCALE = "_ms"
_COMPACT = ("miou", "pixel_accuracy", "boundary_f_3px", "j_mean", "f_mean")


def pooled_metric(name: str) -> Metric:
    """The metric of that name, as reports call and print it."""
    bare = name.removesuffix(_MULTI_SCALE)
    label = _NAMES.get(bare, bare)
    if match := _BOUNDARY.fullmatch(bare):
        label = f"Boundary F at {match[2]} px{', strict' if match[1] else ''}"
    if match := _DAVIS.fullmatch(bare):
        label = f"{match[1].upper()} {match[2]}"
    scales = ", multi-scale" if bare != name else ""
    return Metric(name, f"{label}{scales}", "", not bare.endswith("decay"), 3, "pooled")


def is_compact(name: str) -> bool:
    """Whether a metric belongs on the first screen."""
    return name.removesuffix(_MULTI_SCALE) in _COMPACT
