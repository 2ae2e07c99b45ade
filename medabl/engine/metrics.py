"""Which validation metric decides, and which are only recorded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from medabl.errors import InputError
from medabl.task import Task


def key_metric(metrics: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """MONAI's ``key_val_metric``: the task's.

    Raises:
        InputError: if the task's key metric is none of the metrics.
    """
    if task.key_metric not in metrics:
        raise InputError(
            f"task::key_metric={task.key_metric} is none of val_metrics: {', '.join(metrics)}."
        )
    return {task.key_metric: metrics[task.key_metric]}


def other_metrics(metrics: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """MONAI's ``additional_metrics``: all others."""
    return {name: metric for name, metric in metrics.items() if name != task.key_metric}


def is_better(task: Task) -> Callable[[float, float], bool]:
    """MONAI's ``metric_cmp_fn``: whether a value of the key metric beats the best so far."""
    return operator.gt if task.higher_is_better else operator.lt


def metric_name(metric: str) -> str:
    """What to show for a metric's name: ``slice-DSC`` for ``val_slice_dsc``."""
    return metric.removeprefix("val_").replace("dsc", "DSC").replace("_", "-")
