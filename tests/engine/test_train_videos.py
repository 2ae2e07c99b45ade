"""Videos through the engine: `medabl train davis.yaml` on the miniature, and its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from medabl.data import find_subjects
from medabl.data.video import read_mask
from medabl.engine import (
    CheckpointHandler,
    load_config,
    load_predictor,
    segment_video,
    train,
)
from medabl.engine.batch import Target
from medabl.engine.video import PrepareVideos, VideoInferer, first_masks, mean_similarity
from medabl.errors import InputError
from medabl.metrics import davis_metrics, davis_statistics
from medabl.miniatures import write_miniature
from medabl.networks import SpaceTimeMemory
from medabl.runs import RunFolder
from tests.small_runs import same_weights

TINY = {
    "epochs": 2,
    "slices_per_epoch": 4,
    "width": 2,
    "image_size": [32, 48],
    "learning_rate": 0.001,
    "device": "cpu",
}


class _StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature("davis", tmp_path_factory.mktemp("data") / "davis")


def _train(data: Path, out: Path, **overrides: Any) -> RunFolder:
    places = {"data": str(data), "run_dir": str(out)}
    return train(load_config(["davis.yaml"], {**TINY, **places, **overrides}))


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return _train(data, tmp_path_factory.mktemp("runs") / "run")


def test_settings_are_the_published_ones() -> None:
    config = load_config(["davis.yaml"], {})
    assert config["epochs"] * config["slices_per_epoch"] / config["batch_size"] == 1000
    assert (config["batch_size"], config["learning_rate"], config["width"]) == (4, 5e-8, 64)
    assert config["methods"]["iabl"]["loss"]["terms"]["abl"]["weight"] == 5.0
    assert (config["frames"], config["most_skipped"], config["memorize_every"]) == (3, 25, 5)


def test_metrics_are_those_of_the_masks_on_disk(data: Path, run: RunFolder) -> None:
    table = pd.read_csv(run.natural_metrics).set_index(["metric", "class"])["value"]
    each: dict[str, list[float]] = {"j_mean": [], "f_mean": [], "j_recall": [], "f_decay": []}
    for video in (v for v in find_subjects(data, ["rgb"]) if v.side == "val"):
        assert video.label is not None
        truth = np.stack([read_mask(p) for p in sorted(video.label.glob("*.png"))]) > 0
        folder = run.prediction("last", video.id, "")
        found = np.stack([read_mask(p) for p in sorted(folder.glob("*.png"))])
        assert np.array_equal(found[0], truth[0])
        scores = davis_metrics(found[None] == 1, truth[None])
        for name, values in each.items():
            metric, statistic = name.split("_")
            values.append(davis_statistics(scores[metric])[statistic][0])
            assert table[name, f"{video.id}/1"] == pytest.approx(values[-1])
    for name, values in each.items():
        assert table[name, "all"] == pytest.approx(np.mean(values))


def test_the_validation_during_training_is_the_evaluation_after_it(run: RunFolder) -> None:
    table = pd.read_csv(run.natural_metrics).set_index(["metric", "class"])["value"]
    epochs = pd.read_csv(run.epochs)
    assert epochs["val_j_mean"].iloc[-1] == pytest.approx(table["j_mean", "all"], abs=1e-6)
    assert list(epochs["weight_abl"]) == [5.0, 5.0]


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    data: Path, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = CheckpointHandler.__call__

    def save_and_stop(handler: CheckpointHandler, engine: Any) -> None:
        save(handler, engine)
        raise _StoppedError

    with monkeypatch.context() as patch, pytest.raises(_StoppedError):
        patch.setattr(CheckpointHandler, "__call__", save_and_stop)
        _train(data, tmp_path / "run")
    resumed = _train(data, tmp_path / "run")
    assert same_weights(resumed, run)
    assert resumed.natural_metrics.read_text() == run.natural_metrics.read_text()


def test_fine_tuning_begins_with_the_given_weights(
    data: Path, run: RunFolder, tmp_path: Path
) -> None:
    weights = str(run.checkpoint("last"))
    tuned = _train(data, tmp_path / "tuned", weights=weights, epochs=1, method="ce")
    assert tuned.start_metrics.read_text() == run.natural_metrics.read_text()
    assert tuned.read_info()["weights"] == weights
    assert not same_weights(tuned, run)


def test_weights_of_another_width_are_refused(data: Path, run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of another architecture than SpaceTimeMemory"):
        _train(data, tmp_path / "run", weights=str(run.checkpoint("last")), width=4)


def test_predicting_a_video_like_a_scan_is_refused(run: RunFolder) -> None:
    with pytest.raises(InputError, match=r"last\.pt segments videos, .*segment_video does"):
        load_predictor(run.checkpoint("last"))


def test_several_objects_and_a_further_data_set(data: Path, tmp_path: Path) -> None:
    further = write_miniature("youtube_vos", tmp_path / "youtube")
    lists = data / "ImageSets" / "2017"
    run = _train(lists, tmp_path / "run", objects=2, also_train=str(further), epochs=1)
    table = pd.read_csv(run.natural_metrics)
    objects = set(table["class"]) - {"all"}
    assert objects == {"shapes-016/1", "shapes-017/1", "shapes-017/2", "shapes-018/1",
                       "shapes-019/1", "shapes-019/2"}  # fmt: skip
    mean = table.set_index(["metric", "class"])["value"]["j_mean", "all"]
    assert pd.read_csv(run.epochs)["val_j_mean"].iloc[-1] == pytest.approx(mean, abs=1e-6)


def test_a_video_is_segmented_frame_by_frame_with_every_nth_in_the_memory() -> None:
    torch.manual_seed(0)
    network = SpaceTimeMemory(2).eval()
    frames, masks = torch.randn(6, 3, 32, 32), torch.zeros(2, 32, 32)
    masks[0, 4:20, 4:20] = masks[1, 22:30, 8:28] = 1
    found = segment_video(network, frames, masks, memorize_every=2)
    assert torch.equal(found[0], (masks[0] + 2 * masks[1]).to(torch.uint8))
    memory, latest = [], masks[None]
    with torch.no_grad():
        for index in range(5):
            newest = network.memorize(frames[index : index + 1], latest)
            probabilities = network.segment(
                frames[index + 1 : index + 2], [*memory, newest]
            ).softmax(1)
            assert torch.equal(found[index + 1], probabilities[0].argmax(0).to(torch.uint8))
            if index in (0, 2, 4):
                memory.append(newest)
            latest = probabilities[:, 1:]


def test_a_batch_of_clips_is_frames_masks_and_a_target_of_all_frames_but_the_first() -> None:
    label = torch.randint(0, 3, (2, 4, 5, 6))
    batch = {"image": torch.randn(2, 4, 3, 5, 6), "label": label}
    frames, target, (masks,), _ = PrepareVideos(objects=2)(batch, torch.device("cpu"))
    assert torch.equal(frames, batch["image"])
    assert torch.equal(masks[:, 1], (label[:, 0] == 2).float())
    assert torch.equal(target.label[:, 0], torch.cat([label[0, 1:], label[1, 1:]]))

    def network(frames: torch.Tensor, masks: torch.Tensor, every: int) -> torch.Tensor:
        assert every == 3
        return frames.mean(2, keepdim=True)[:, 1:] * masks.mean()

    logits = VideoInferer(3)(frames, network, masks)  # type: ignore[arg-type]
    assert logits.shape == (6, 1, 5, 6)


def test_first_masks_are_as_many_as_asked_or_there() -> None:
    label = torch.tensor([[[[0, 1, 4]], [[9, 9, 9]]]])
    assert first_masks(label).shape == (1, 4, 1, 3)
    assert first_masks(label, 2).tolist() == [[[[0, 1, 0]], [[0, 0, 0]]]]
    assert first_masks(torch.zeros(1, 2, 4, 4, dtype=torch.long)).shape == (1, 1, 4, 4)


def test_the_similarity_of_a_video_leaves_its_first_and_last_frame_out() -> None:
    truth = torch.randint(0, 3, (5, 1, 8, 8))
    logits = torch.randn(5, 3, 8, 8)
    classes = logits.argmax(1)
    expected = []
    for number in (1, 2):
        found = [
            ((classes[i] == number) & (truth[i, 0] == number)).sum().item()
            / ((classes[i] == number) | (truth[i, 0] == number)).sum().item()
            for i in range(4)  # the first frame is none of these five, the last one is
        ]
        expected.append(np.mean(found))
    output = {"pred": logits, "label": Target(truth, {})}
    assert mean_similarity(output)[:, 0].tolist() == pytest.approx(expected)
