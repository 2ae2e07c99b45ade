"""What a run holds in memory: each volume once."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from monai.data import MetaTensor

from medabl.engine import find_cohort, settings_of
from medabl.engine.build import parse
from medabl.experiments.worker import carry_out
from medabl.runs import RunFolder
from tests.small_runs import small_config

SLICES = 4  # of each subject
CHANNEL = 4 * 32 * 32  # bytes of a slice: float32, the label as well
KINDS = (torch.Tensor, torch.nn.Parameter, MetaTensor)
FLIPS = [{"_target_": "RandFlipd", "keys": ["image", "label"], "prob": 0.5}]


@pytest.mark.parametrize("cached_on_disk", [False, True])
@pytest.mark.parametrize(
    ("overrides", "maps"),
    [
        ({"method": "gdl"}, 0),
        ({"method": "gdl", "augmentation": FLIPS}, 0),
        ({"method": "gdl", "crop_to_head": True, "normalize": True}, 0),
        ({"method": "gdl_abl"}, 1),
    ],
)
def test_training_and_validation_data_are_held_once(
    cohort: Path, tmp_path: Path, overrides: dict[str, Any], maps: int, cached_on_disk: bool
) -> None:
    cache = {"cache_dir": str(tmp_path / "cache")} if cached_on_disk else {}
    config = small_config(cohort, tmp_path / "run", **overrides, **cache)
    settings = settings_of(config)
    subjects = find_cohort(settings)
    before = held()
    parser = parse(config, settings, subjects)
    loaders = [parser.get_parsed_content(f"{side}_loader") for side in ("train", "val")]
    samples = sum(len(batch["image"]) for loader in loaders for batch in loader)
    assert samples == SLICES * len(subjects.subjects)
    bytes_held = sum(size for place, size in held().items() if place not in before)
    expected = CHANNEL * (samples * 3 + SLICES * len(subjects.train) * maps)
    assert expected <= bytes_held < 1.05 * expected


def test_a_worker_keeps_nothing_of_a_run_that_is_over(cohort: Path, tmp_path: Path) -> None:
    left = []
    for name in ("one", "two"):
        run = RunFolder(tmp_path / name)
        run.path.mkdir()
        run.planned.write_text(yaml.safe_dump(small_config(cohort, run.path, epochs=1)))
        assert carry_out(run.path)
        gc.collect()
        left.append(sum(held().values()))
    assert left[1] - left[0] < SLICES * 3 * CHANNEL


def held() -> dict[int, int]:
    """The memory of all tensors that this process can reach: where it begins, bytes."""
    gc.collect()
    # By type: `isinstance` would ask lazy objects of other packages what they are, and what
    # torch.compile leaves behind (fake tensors) has no memory to be asked for.
    tensors = [thing for thing in gc.get_objects() if type(thing) in KINDS]
    storages = [tensor.untyped_storage() for tensor in tensors if tensor.device.type == "cpu"]
    return {storage.data_ptr(): storage.nbytes() for storage in storages}
