"""The plain settings: what is accepted comes back, what is wrong is said in a sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from medabl.engine import load_config, settings_of
from medabl.errors import InputError

counts = st.integers(1, 10**6)
numbers = st.floats(1e-6, 1e3)
shares = st.floats(0, 1)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
valid = st.fixed_dictionaries(
    {},
    optional={
        "modalities": st.lists(names, min_size=1, max_size=4, unique=True),
        "mask_name": names | st.none(),
        "seed": st.integers(0, 2**40),
        "validation": numbers | counts,
        "test": st.none() | counts | numbers | st.lists(names, min_size=1, max_size=3),
        "split_seed": st.integers(0, 2**31),
        "group_by": names | st.integers(1, 5),
        "slice_axis": st.sampled_from(["axial", "coronal", "sagittal"]),
        "image_size": st.lists(counts, min_size=2, max_size=2),
        "crop_to_head": st.booleans(),
        "width": counts,
        "epochs": counts,
        "slices_per_epoch": counts | st.none(),
        "learning_rate": numbers,
        "betas": st.lists(st.floats(0, 0.999), min_size=2, max_size=2),
        "lr_schedule": st.sampled_from(["plateau", "cosine", "constant"]),
        "method": st.sampled_from(["gdl", "gdl_bl", "gdl_abl"]),
        "strategy": st.sampled_from(["rebalance", "increase"]),  # the others bind alpha
        "alpha_start": shares,
        "alpha_end": shares,
        "num_workers": st.integers(0, 64) | st.just("auto"),
        "precision": st.sampled_from(["auto", "float32", "bfloat16", "float16"]),
        "tensorboard": st.booleans(),
    },
)


@settings(max_examples=40, deadline=None)
@given(values=valid)
def test_a_config_written_to_a_run_folder_is_read_as_the_same_config(
    values: dict[str, Any],
) -> None:
    config = load_config(["wmh.yaml"], values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        again = load_config([path], {})
    assert again == config
    assert settings_of(again) == settings_of(config)
    typed = settings_of(config).model_dump()
    for key, value in values.items():
        assert typed[key] == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"epochs": "ten"}, "epochs=ten: must be a whole number"),
        ({"epochs": 0}, "epochs=0: must be at least 1"),
        ({"epochs": True}, "epochs=True: must be a number"),
        ({"alpha_end": 2}, "alpha_end=2: must be at most 1"),
        ({"alpha_end": float("nan")}, "alpha_end=nan: must be a finite number"),
        ({"strategy": "foo"}, "strategy=foo: must be 'rebalance', 'increase', 'released' or"),
        ({"slice_axis": "oblique"}, "slice_axis=oblique: must be 'axial', 'coronal' or 'sagittal'"),
        ({"image_size": [64]}, r"image_size=\[64\]: needs at least 2 values \(size of what"),
        ({"image_size": [64, "a"]}, r"^image_size::1=a: must be a whole number \(size[^\n]*$"),
        ({"image_size": None}, "image_size=None: must be a list"),
        ({"betas": [0.9]}, r"betas=\[0\.9\]: needs one value more \(two numbers, of Adam"),
        ({"betas": [0.9, 0.9, 0.9]}, "betas=.*: takes at most 2 values"),
        ({"modalities": []}, r"modalities=\[\]: needs at least 1 value \(images"),
        ({"modalities": [""]}, "modalities::0='': must be text, not empty"),
        ({"crop_to_head": "perhaps"}, "crop_to_head=perhaps: must be true or false"),
        ({"num_workers": "many"}, "num_workers=many: must be a whole number or 'auto'"),
        ({"group_by": [1]}, r"group_by=\[1\]: must be a whole number or text"),
        ({"method": ["gdl"]}, r"method=\['gdl'\]: must be text"),
        ({"learning_rate": "fast"}, "learning_rate=fast: must be a number"),
        ({"image_size": [64, 64, 64]}, "image_size needs 2 numbers for a task of 2 spatial"),
        ({"modalities": ["t1", "t1"]}, "modalities must be different names, got t1,t1"),
        ({"folds": 1}, "folds=1: must be at least 2"),
        ({"folds": 3, "fold": 3}, "fold must be below folds=3, got 3"),
        ({"folds": 3, "split": "s.json"}, "give either folds or split"),
        ({"validation": 0}, "validation=0: must be greater than 0"),
        ({"batch_size": 1.5}, "batch_size=1.5: must be a whole number"),
        ({"method": "gdl_alb"}, "method=gdl_alb is not known; did you mean gdl_abl"),
        ({"task::key_metrik": "x"}, "task::key_metrik is no setting of a task"),
        ({"task::spatial_dims": 4}, "task::spatial_dims=4: must be 2 or 3"),
        ({"task::key_metric": 5}, "task::key_metric=5: must be text"),
        ({"task::classes": ["a"]}, r"task::classes=\['a'\]: needs at least 2 values"),
        ({"task::classes": ["a", "a"]}, "task: classes must have different names, got"),
        ({"task::classes": ["a", "_b"]}, "^task::classes::1=_b: must begin with a letter"),
        ({"task::evaluated": ["x"]}, "task: evaluated must be of the classes lesion; got 'x'"),
        ({"task::labels": 5}, "task::labels=5: must be key: value pairs"),
        ({"task::classes": ["a", "b"]}, "each class must have one value in labels"),
        ({"epoch": 5}, "The config has no key 'epoch'; did you mean epochs"),
        ({"network::widht": 8}, "widht is no argument of .*KervadecUNet; did you mean width"),
        ({"optimizer::foreach_": 1}, "optimizer::foreach_ is no argument of torch.optim.Adam"),
        ({"network::_target_": "medabl.networks.Nothing"}, "network: there is no component"),
        ({"seed::x": 1}, "no key 'seed::x': seed has no parts"),
        ({"epochs::x": 1}, "no key 'epochs::x': epochs has no parts"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(overrides: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        load_config(["wmh.yaml"], overrides)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        load_config(["wmh.yaml"], {"epoch": 5, "alpha_end": 2, "method": "gdl_alb"})
    first, *rest = str(caught.value).splitlines()
    assert first == "3 things are wrong:"
    assert len(rest) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epoch: 5\n", "The config has no key 'epoch'; did you mean epochs"),
        ("augmentation: ['@turns']\n", "Something refers to @turns, which is no key"),
        ("network: {_target_: KervadecUNet}\n", "network: there is no component 'KervadecUNet'"),
        ("network: {_target_: medabl.networks.KervadecUNet}\n", "lacks the argument 'in_channels'"),
        ("methods::mine: {label: Mine}\n", "methods::mine lacks 'loss'"),
        ("task: wmh\n", "task=wmh: must be key: value pairs"),
        ("task: {labels: {0:background}}\n", "labels::0:background: this key must be a whole"),
        ("epochs: [3]\n", r"epochs=\[3\]: must be a whole number"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    with pytest.raises(InputError, match=expected):
        load_config(["wmh.yaml", mine], {})


def test_a_list_of_numbers_stays_one_of_whole_numbers(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "network: {_target_: UNet, spatial_dims: 2, in_channels: 2, out_channels: 2,"
        " channels: [16, 32, 64], strides: [2, 2]}\n"
    )
    config = load_config(["wmh.yaml", mine], {"network.channels": "4,8,16"})
    assert config["network"]["channels"] == [4, 8, 16]
    assert all(type(number) is int for number in config["network"]["channels"])


def test_a_list_may_be_given_as_an_expression(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("turns: [{_target_: RandFlipd, keys: image}]\n")
    expression = "$@turns + @intensities"
    config = load_config(["wmh.yaml", mine], {"augmentation": expression})
    assert config["augmentation"] == expression
