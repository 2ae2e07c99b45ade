"""The task's key metric, its direction, and metrics that are only recorded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medabl.engine import train
from medabl.errors import InputError
from medabl.runs import load_checkpoint
from tests.small_runs import small_config

ADDED = """
val_metrics:
  val_slice_dsc:
    _target_: IgniteMetricHandler
    metric_fn:
      _target_: medabl.metrics.SliceDiceMetric
      classes: $@segmentation.evaluated_channels
    output_transform: {_target_: medabl.engine.predicted_class, _mode_: callable}
  val_volume_dsc:
    _target_: IgniteMetricHandler
    metric_fn:
      _target_: medabl.metrics.VolumeDiceMetric
      classes: $@segmentation.evaluated_channels
    output_transform: {_target_: medabl.engine.predicted_class, _mode_: callable}
"""


@pytest.mark.parametrize(
    ("metric", "higher"), [("val_slice_hd_rows", False), ("val_volume_dsc", True)]
)
def test_it_decides_which_epoch_is_best(
    metric: str, higher: bool, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(ADDED if metric == "val_volume_dsc" else "seed: 0")
    key = {"task.key_metric": metric, "task.higher_is_better": higher}
    fast = {"learning_rate": 0.02, "epochs": 6, "method": "gdl"}
    run = train(small_config(cohort, tmp_path / "run", mine, **key, **fast))
    epochs = pd.read_csv(run.epochs)
    assert {metric, "val_slice_dsc"} < set(epochs)
    values = epochs[metric]
    assert values.nunique() > 1
    decided = values.idxmax() if higher else values.idxmin()
    best = load_checkpoint(run.checkpoint("best"))
    assert best["epoch"] == epochs["epoch"][decided]
    assert best["best"] == {"epoch": best["epoch"], "metric": values[decided]}
    assert metric.removeprefix("val_").split("_")[0] in capsys.readouterr().err


def test_one_that_is_not_measured_is_refused(cohort: Path, tmp_path: Path) -> None:
    config = small_config(cohort, tmp_path / "run", **{"task.key_metric": "val_hd95"})
    with pytest.raises(InputError, match="task::key_metric=val_hd95 is none of val_metrics: val_"):
        train(config)
    assert not (tmp_path / "run").exists()
