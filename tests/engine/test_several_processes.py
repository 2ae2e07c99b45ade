"""A run in two processes comes to what it comes to in one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from medabl.data import EpochSampler
from medabl.data.share import ShareSampler, contiguous_share
from medabl.engine import packaged_config, train, train_share
from medabl.errors import InputError
from medabl.experiments.state import last_epoch
from medabl.files import read_json
from medabl.miniatures import MINIATURES, cityscapes
from medabl.miniatures.scene import write_pictures
from medabl.runs import RunFolder, load_checkpoint
from medabl.runs.checkpoints import previous_generation
from tests.engine.one_of_two import LOSSES, results
from tests.experiments.held_runs import let_go, write_held_config
from tests.small_runs import SMALL, small_config, weights

ROOT = Path(__file__).parents[2]
UNEVEN = {"batch_size": 5, "slices_per_epoch": 13}  # batches of 5, 5 and 3: none can be halved
# In float32 the two round differently, and training makes much of little.
DOUBLE = {
    "network": {
        "_target_": "tests.engine.own_network.InDouble",
        "network": "$medabl.networks.KervadecUNet(len(@modalities), 2, width=@width)",
    }
}
DEEP = "network.bridge.1.body.0.conv.weight"
# A metric that every digit of the network's output goes into.
MSE = {
    "_target_": "IgniteMetricHandler",
    "metric_fn": {"_target_": "MSEMetric"},
    "output_transform": "$lambda o: (o['pred'].softmax(1)[:, 1:], o['label'].float())",
}


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
@pytest.mark.parametrize(("samples", "batch"), [(16, 8), (13, 5), (20, 7)])
def test_all_shares_of_a_batch_are_the_batch(samples: int, batch: int, processes: int) -> None:
    order = EpochSampler(range(samples), seed=3)
    order.set_epoch(2)
    shares = [ShareSampler(order, batch, rank, processes) for rank in range(processes)]
    mine = [list(share) for share in shares]
    assert [len(share) for share in shares] == [len(indices) for indices in mine]
    for start in range(0, samples, batch):
        whole = list(order)[start : start + batch]
        taken: list[int] = []
        for rank, indices in enumerate(mine):
            size = len(range(rank, len(whole), processes))
            taken += indices[:size]
            del indices[:size]
        assert sorted(taken) == sorted(whole)
    assert not any(mine)


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_shares_of_the_validation_are_all_batches_in_order(processes: int) -> None:
    shares = [contiguous_share(7, rank, processes) for rank in range(processes)]
    assert [batch for share in shares for batch in share] == list(range(7))
    assert all(len(share) >= 7 // processes for share in shares)


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [(5, "set slices_per_epoch=15"), (1, "batch_size=1 is less than the 2 processes")],
)
def test_a_batch_too_small_for_all_processes_is_refused(
    monkeypatch: pytest.MonkeyPatch, batch: int, sentence: str
) -> None:
    for name, value in (("LOCAL_RANK", "0"), ("RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=sentence):
        train_share(EpochSampler(range(16)), batch)


@pytest.mark.slow
def test_losses_gradients_and_batch_norms_of_two_halves_are_those_of_the_whole(
    tmp_path: Path,
) -> None:
    images, labels = _batch()
    torch.save((images, labels), tmp_path / "batch.pt")
    _torchrun("tests/engine/one_of_two.py", str(tmp_path))
    first, second = (torch.load(tmp_path / f"found{rank}.pt") for rank in (0, 1))
    for name in LOSSES:
        whole = results(images, labels, name)
        assert max(float(v.abs().max()) for v in whole.values()) > 1e-3
        for key, value in whole.items():
            assert torch.allclose(first[name][key], value, rtol=0, atol=1e-6), (name, key)
            assert torch.equal(first[name][key], second[name][key]), (name, key)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gdl_bl", "gdl_abl"])
def test_two_processes_train_the_weights_of_one(cohort: Path, tmp_path: Path, method: str) -> None:
    settings = {**UNEVEN, "method": method}
    one, two = _one_and_two(cohort, tmp_path, DOUBLE, **settings)
    _same_to_1e6(one, two)
    before = load_checkpoint(previous_generation(one.checkpoint("last")))["network"]
    assert float((before[DEEP] - weights(one)[DEEP]).abs().max()) > 1e-3


@pytest.mark.slow
def test_validation_in_two_processes_has_the_numbers_of_one_to_the_last_digit(
    cohort: Path, tmp_path: Path
) -> None:
    """Of weights that do not change, with 3 batches for 2 processes, the last one smaller."""
    still = {"learning_rate": 1e-30, "batch_size": 3, "slices_per_epoch": 6}
    network = {"network": {"_target_": "torch.nn.Conv2d", "in_channels": 2, "out_channels": 2,
                           "kernel_size": 3, "padding": 1}}  # fmt: skip
    metrics = {"val_metrics": {**_packaged_metrics(), "val_mse": MSE}}
    one, two = _one_and_two(cohort, tmp_path, {**network, **metrics}, **still)
    tables = [pd.read_csv(run.epochs, float_precision="round_trip") for run in (one, two)]
    columns = [name for name in tables[0] if name.startswith("val_")]
    assert "val_mse" in columns and len(columns) == 3
    assert tables[0][columns].equals(tables[1][columns])


@pytest.mark.slow
def test_two_processes_train_on_pictures_and_validate_them_as_one_does(tmp_path: Path) -> None:
    """Of three pictures for two processes; the first one evaluates all of them after it, alone."""
    pictures = list(MINIATURES["cityscapes"](3))
    write_pictures([*pictures[:4], *pictures[cityscapes.TRAIN :][:3]], tmp_path / "data")
    run = RunFolder(tmp_path / "run")
    given = ["image_size=32,48", "epochs=1", "slices_per_epoch=6", "batch_size=4", "method=iabl"]
    given += [f"data={tmp_path / 'data'}", f"run_dir={run.path}", "device=cpu", "inference=single"]
    files = ["cityscapes.yaml", "natural_quick.yaml"]
    assert _start("-m", "medabl", "train", *files, *given).wait(300) == 0
    alone = pd.read_csv(run.natural_metrics).set_index(["metric", "class"])["value"]
    (epoch,) = pd.read_csv(run.epochs).to_dict("records")
    for name in ("miou", "pixel_accuracy"):
        assert epoch[f"val_{name}"] == pytest.approx(alone[name, "all"], rel=1e-6)
    assert 0 < alone["pixel_accuracy", "all"] < 1


@pytest.mark.slow
def test_a_run_of_two_processes_is_resumed_by_one(cohort: Path, tmp_path: Path) -> None:
    held = write_held_config(tmp_path / "held.yaml", 2)
    file = tmp_path / "double.yaml"
    file.write_text(yaml.safe_dump(DOUBLE))
    run = RunFolder(tmp_path / "run")
    process = _start(*_train(cohort, run.path, file, held, epochs=4, **UNEVEN))
    deadline = time.monotonic() + 200
    while last_epoch(run) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    os.kill(read_json(run.path / "heartbeat.json")["process"], signal.SIGKILL)
    assert process.wait(60) != 0
    assert last_epoch(run) == 2
    let_go(run)
    train(small_config(cohort, run.path, file, held, epochs=4, **UNEVEN))
    assert "processes 2 -> 1" in str(run.read_info()["warnings"])
    undisturbed = train(small_config(cohort, tmp_path / "one", file, epochs=4, **UNEVEN))
    _same_to_1e6(undisturbed, run)


@pytest.mark.slow
def test_a_loss_that_diverges_ends_all_processes_and_is_told_once(
    cohort: Path, tmp_path: Path
) -> None:
    arguments = _train(cohort, tmp_path / "run", learning_rate=1e30, batch_size=4)
    process = _start(*arguments, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert errors.count("Error: The loss is NaN or infinite") == 1
    assert RunFolder(tmp_path / "run").status() == "failed"


def _packaged_metrics() -> dict[str, object]:
    wiring = yaml.safe_load(packaged_config("wiring.yaml").read_text(encoding="utf-8"))
    return dict(wiring["val_metrics"])


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Five images, two without anything; those with a boundary are not shared out evenly."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(5, 1, 16, 16, generator=generator)
    labels = torch.zeros(5, 1, 16, 16)
    for image in (0, 2, 3):
        labels[image, 0, 4:9, 3 : 8 + image] = 1
    return images + labels, labels


def _one_and_two(
    cohort: Path, root: Path, config: dict[str, object], **settings: object
) -> tuple[RunFolder, RunFolder]:
    file = root / "mine.yaml"
    file.write_text(yaml.safe_dump(config))
    two = RunFolder(root / "two")
    process = _start(*_train(cohort, two.path, file, **settings))
    one = train(small_config(cohort, root / "one", file, **settings))
    assert process.wait(300) == 0
    return one, two


def _same_to_1e6(one: RunFolder, other: RunFolder) -> None:
    a, b = weights(one), weights(other)
    assert list(a) == list(b)
    for name in a:
        assert torch.allclose(a[name].double(), b[name].double(), rtol=0, atol=1e-6), name
    first, second = (load_checkpoint(run.checkpoint("last"))["epoch"] for run in (one, other))
    assert first == second
    losses = [pd.read_csv(run.epochs)["train_loss"].to_numpy() for run in (one, other)]
    assert np.allclose(*losses, rtol=0, atol=1e-6)


def _train(cohort: Path, out: Path, *files: Path, **settings: object) -> list[str]:
    given = {**SMALL, "data": cohort, "run_dir": out, **settings}
    texts = [f"{k}={','.join(map(str, v)) if isinstance(v, list) else v}" for k, v in given.items()]
    return ["-m", "medabl", "train", "wmh.yaml", *map(str, files), *texts]


def _start(*arguments: str, stderr: int | None = None) -> subprocess.Popen[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.Popen(
        [*launcher, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stderr=stderr,
        text=True,
    )


def _torchrun(*arguments: str) -> None:
    assert _start(*arguments).wait(300) == 0
