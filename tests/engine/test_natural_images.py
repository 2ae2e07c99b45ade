"""A run on still natural images, from pictures on disk to metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from medabl.cli import app
from medabl.data import find_subjects
from medabl.engine import AuxiliaryLoss, MultiScaleInferer, load_config, settings_of, train
from medabl.engine.build import parse
from medabl.engine.recipe import read_recipe, write_recipe
from medabl.engine.run import find_cohort
from medabl.errors import ConfigError, InputError
from medabl.evaluation import evaluate_label_pictures
from medabl.experiments.results import gather_results
from medabl.losses import CrossEntropyLoss
from medabl.miniatures import MINIATURES, cityscapes
from medabl.miniatures.scene import write_pictures
from medabl.runs import RunFolder
from tests.data.test_pictures import CITYSCAPES

FILES = ["cityscapes.yaml", "natural_quick.yaml"]
TINY = {
    "image_size": [32, 48],
    "epochs": 2,
    "slices_per_epoch": 6,
    "batch_size": 2,
    "scales": [0.5],
}


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures that train and two that validate."""
    root = tmp_path_factory.mktemp("streets")
    pictures = list(MINIATURES["cityscapes"](3))
    write_pictures([*pictures[:4], *pictures[cityscapes.TRAIN : cityscapes.TRAIN + 2]], root)
    return root


def config(data: Path, run_dir: Path, **overrides: Any) -> dict[str, Any]:
    places = {"data": str(data), "run_dir": str(run_dir), "device": "cpu"}
    return load_config(FILES, {**TINY, **places, **overrides})


@pytest.fixture(scope="module")
def run(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(config(streets, tmp_path_factory.mktemp("run") / "run"))


def test_the_metrics_are_those_of_the_label_pictures_it_writes(
    run: RunFolder, streets: Path
) -> None:
    val = [s for s in find_subjects(streets, ["rgb"]) if s.side == "val"]
    pairs = [(run.prediction("last", s.id, ".png"), s.label) for s in val if s.label is not None]
    again = evaluate_label_pictures(pairs, CITYSCAPES, workers=1)
    table = pd.read_csv(run.natural_metrics)
    single = table[~table["metric"].str.endswith("_ms")].reset_index(drop=True)
    pd.testing.assert_frame_equal(single, again, check_exact=False, rtol=1e-12)
    pred, ref = (np.array(Image.open(path)) for path in pairs[0])
    assert pred.shape == ref.shape
    assert set(np.unique(pred)) <= {v for v, c in CITYSCAPES.class_of_label.items() if c != 255}


def test_medabl_evaluate_has_the_runs_metrics(
    run: RunFolder, streets: Path, tmp_path: Path
) -> None:
    places = ["--pred", str(run.path / "predictions" / "last"), "--ref", str(streets)]
    out = ["--out", str(tmp_path / "f.csv"), "--workers", "1"]
    result = CliRunner().invoke(app, ["evaluate", "--task", "cityscapes.yaml", *places, *out])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(run.natural_metrics)
    single = table[~table["metric"].str.endswith("_ms")].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "f.csv"), single, rtol=1e-12)
    accuracy = single.set_index("metric")["value"]["pixel_accuracy"]
    assert f"2 pictures, pixel accuracy {accuracy:.4f}" in result.output
    mean = next(line for line in result.output.splitlines() if " all " in line)
    assert f"{single.set_index('metric')['value']['miou']:.4f}" in mean


def test_its_table_has_every_class_single_and_multi_scale(run: RunFolder) -> None:
    table = pd.read_csv(run.natural_metrics)
    assert list(table) == ["metric", "class", "value"]
    for ending in ("", "_ms"):
        for name in ("iou", "boundary_f_1px", "boundary_f_3px", "boundary_f_5px"):
            classes = table[table["metric"] == name + ending]["class"]
            assert list(classes.head(19)) == list(CITYSCAPES.classes)
        for name in ("miou", "pixel_accuracy", "boundary_f_3px", "strict_boundary_f_3px"):
            assert (table["metric"] + table["class"]).eq(f"{name}{ending}all").sum() == 1
    assert list(pd.read_csv(run.natural_metrics_best)) == ["metric", "class", "value"]


def test_the_key_metric_is_that_of_the_table(run: RunFolder) -> None:
    epochs = pd.read_csv(run.epochs)
    for path, value in (
        (run.natural_metrics, epochs["val_miou"].iloc[-1]),
        (run.natural_metrics_best, epochs["val_miou"].max()),
    ):
        table = pd.read_csv(path).set_index(["metric", "class"])["value"]
        np.testing.assert_allclose(table["miou", "all"], value, rtol=1e-6)


def test_the_learning_rate_falls_by_the_power_of_the_steps_done(run: RunFolder) -> None:
    # Six samples in batches of two: three steps an epoch, six in all.
    expected = [0.05 * (1 - step / 6) ** 0.9 for step in (0, 3)]
    np.testing.assert_allclose(pd.read_csv(run.epochs)["lr"], expected, rtol=1e-6)


def test_the_split_is_the_data_sets_own(run: RunFolder) -> None:
    split = pd.read_json(run.split, typ="series")
    assert all(i.startswith("train/") for i in split["train"])
    assert all(i.startswith("val/") for i in split["val"])


@pytest.mark.parametrize("method", ["iabl", "ce_iou_bl"])
def test_samples_are_augmented_anew_each_epoch_and_maps_are_of_the_augmented_labels(
    streets: Path, tmp_path: Path, method: str
) -> None:
    made = config(streets, tmp_path / "run", method=method)
    parser = parse(made, settings_of(made), find_cohort(settings_of(made)))
    data = parser.get_parsed_content("train_data")
    first, again = data[0], data[0]
    data.set_epoch(1)
    other = data[0]
    assert first["image"].shape == (3, 32, 48)
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["label"], again["label"])
    assert not torch.equal(first["label"], other["label"])
    label = first["label"]
    assert set(label.unique().tolist()) <= {*range(19), 255}
    (transform,) = parser.get_parsed_content("distance_map")
    expected = transform({"label": label})["distance_map"]
    torch.testing.assert_close(first["distance_map"], expected)


def test_auxiliary_outputs_add_their_loss_times_0_4() -> None:
    loss = CrossEntropyLoss(softmax=True, to_onehot_y=True)
    outputs, label = [torch.randn(2, 3, 4, 4) for _ in range(3)], torch.randint(3, (2, 1, 4, 4))
    main, *others = (loss(logits, label) for logits in outputs)
    both = AuxiliaryLoss(loss, weight=0.4)
    torch.testing.assert_close(both(outputs, label), main + 0.4 * sum(others))
    torch.testing.assert_close(both(outputs[0], label), main)


def test_the_published_protocols_are_in_the_configs() -> None:
    places = {"data": "DATA", "run_dir": "RUN"}
    streets = load_config(["cityscapes.yaml"], places)
    rooms = load_config(["ade20k.yaml"], places)
    keys = ("image_size", "batch_size", "learning_rate", "weight_decay", "lr_schedule")
    assert [streets[key] for key in keys] == [[512, 1024], 8, 0.01, 0.0005, "poly"]
    assert streets["crops"] == {"deeplabv3": [769, 769]}
    assert [rooms[key] for key in keys] == [[520, 520], 16, 0.02, 0.0001, "poly"]
    for made, steps, weight in ((streets, 80_000, 1.5), (rooms, 150_000, 1.0)):
        assert made["epochs"] * made["slices_per_epoch"] / made["batch_size"] == steps
        assert made["methods"]["iabl"]["loss"]["terms"]["abl"]["weight"] == weight
        assert made["optimizer"]["momentum"] == 0.9
    assert streets["scales"] == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert rooms["scales"] == streets["scales"][:-1]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"inference": "singel"}, "inference=singel is not known; did you mean single"),
        ({"net": "deeplab"}, "net=deeplab is not known; did you mean deeplabv3"),
        ({"weights": "nowhere.pth"}, "nowhere.pth"),
        ({"lr_schedule": "polynomial"}, "lr_schedule=polynomial"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    streets: Path, tmp_path: Path, overrides: dict[str, str], sentence: str
) -> None:
    files = FILES[:1] if "net" in overrides else FILES
    places = {"data": str(streets), "run_dir": str(tmp_path / "run"), "device": "cpu"}
    with pytest.raises((InputError, ConfigError), match=sentence):
        train(load_config(files, {**TINY, **places, **overrides}))
    assert not (tmp_path / "run" / "run.json").exists()


def test_prediction_from_the_checkpoint_is_what_the_run_evaluated(
    run: RunFolder, streets: Path, tmp_path: Path
) -> None:
    arguments = ["--checkpoint", str(run.checkpoint("last")), "--device", "cpu"]
    everything = [*arguments, "--data", str(streets), "--out", str(tmp_path / "all")]
    assert CliRunner().invoke(app, ["predict", *everything]).exit_code == 0
    subject = next(s for s in find_subjects(streets, ["rgb"]) if s.side == "val")
    single = ["--image", str(subject.images["rgb"]), "--out", str(tmp_path / "one.png")]
    assert CliRunner().invoke(app, ["predict", *arguments, *single]).exit_code == 0
    expected = np.array(Image.open(run.prediction("last", subject.id, ".png")))
    for path in (tmp_path / "one.png", tmp_path / "all" / f"{subject.id}.png"):
        np.testing.assert_array_equal(np.array(Image.open(path)), expected)


def test_a_multi_scale_checkpoint_predicts_at_several_scales(
    run: RunFolder, streets: Path, tmp_path: Path
) -> None:
    made = config(streets, run.path, volume_inferer="@multi_scale")
    recipe = write_recipe(made, parse(made, settings_of(made), find_cohort(settings_of(made))))
    assert recipe is not None
    inferer = read_recipe(recipe)["volume_inferer"]
    assert isinstance(inferer, MultiScaleInferer)
    assert inferer.scales == (0.5,)


def test_a_sweeps_table_of_results_has_the_means_over_the_classes(run: RunFolder) -> None:
    (row,) = gather_results(run.path.parent).to_dict("records")
    table = pd.read_csv(run.natural_metrics).set_index(["metric", "class"])["value"]
    for name in ("miou", "pixel_accuracy_ms", "boundary_f_3px"):
        assert row[f"last_{name}"] == table[name, "all"]
        assert f"best_{name}" in row
    shown = CliRunner().invoke(app, ["results", str(run.path.parent)]).output
    assert re.search(r"last_miou .*last_pixel_accuracy", shown)
    assert f"{row['last_miou']:.3f}" in shown


def test_mistakes_of_picture_prediction_are_one_sentence(
    run: RunFolder, streets: Path, tmp_path: Path
) -> None:
    image = next(streets.rglob("*_leftImg8bit.png"))
    arguments = ["predict", "--checkpoint", str(run.checkpoint("last")), "--image", str(image)]
    for more, sentence in (
        (["--out", str(tmp_path / "x.nii.gz")], "must end in .png"),
        (["--out", str(tmp_path / "x.png"), "--probability"], "of scans only; leave them out"),
    ):
        result = CliRunner().invoke(app, [*arguments, *more])
        assert result.exit_code != 0
        assert sentence in " ".join(result.output.split())
