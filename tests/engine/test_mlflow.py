"""MLflow beside the run's own tables, in a real local store."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from medabl.engine import train
from medabl.errors import InputError
from medabl.runs import RunFolder
from tests.experiments.held_runs import Hold, let_go
from tests.small_runs import small_config

ENDED_EARLY = {"_target_": f"{__name__}.EndsEarly", "run_dir": "@run_dir", "epochs": 2}


class EndsEarly(Hold):
    """Ends the process's run, as Ctrl-C does, where `Hold` would wait."""

    def wait(self) -> None:
        raise KeyboardInterrupt


def test_every_epoch_is_in_the_store_once_also_of_a_run_that_was_interrupted(
    cohort: Path, tmp_path: Path
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs MLflow: pip install medabl[mlflow]")
    pytest.importorskip("sqlalchemy", reason="needs MLflow: pip install medabl[mlflow]")
    keys = {"mlflow": True, "method": "gdl", "epochs": 4, "augmentation": [ENDED_EARLY]}
    run = RunFolder(tmp_path / "experiment" / "run")
    config = small_config(cohort, run.path, **keys)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    client = mlflow.MlflowClient(f"sqlite:///{run.mlflow}")
    experiment = client.get_experiment_by_name("experiment").experiment_id
    (unfinished,) = client.search_runs([experiment])
    assert unfinished.info.status == "RUNNING"
    let_go(run)
    train(config)
    (logged,) = client.search_runs([experiment])
    assert (logged.info.run_name, logged.info.status) == ("run", "FINISHED")
    assert {"method": "gdl", "seed": "0", "fold": "0"}.items() <= logged.data.params.items()
    epochs = pd.read_csv(run.epochs)
    for name in ("train_loss", "val_slice_dsc", "val_slice_hd_rows"):
        history = client.get_metric_history(logged.info.run_id, name)
        assert [metric.step for metric in history] == [1, 2, 3, 4]
        assert [metric.value for metric in history] == pytest.approx(list(epochs[name]), rel=1e-5)


def test_without_mlflow_one_sentence_says_what_to_install(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    config = small_config(cohort, tmp_path / "run", mlflow=True)
    with pytest.raises(InputError, match=r"mlflow=true needs MLflow: pip install medabl\[mlflow\]"):
        train(config)
    assert not (tmp_path / "run").exists()
