"""`augment=true`: what is drawn, and that maps and masks follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from medabl.engine import find_cohort, settings_of
from medabl.engine.build import parse
from medabl.geometry import boundary_distance
from tests.small_runs import small_config


@pytest.fixture(scope="module")
def parser(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> ConfigParser:
    config = small_config(
        cohort, tmp_path_factory.mktemp("run"), method="gdl_abl", augment=True, validation=1
    )
    settings = settings_of(config)
    return parse(config, settings, find_cohort(settings))


def _sample(parser: ConfigParser, epoch: int) -> dict[str, Any]:
    data = parser.get_parsed_content("train_data")
    data.set_epoch(epoch)
    return max((data[index] for index in range(len(data))), key=lambda item: item["label"].sum())


def test_a_sample_is_drawn_anew_every_epoch_and_the_same_in_the_same_one(
    parser: ConfigParser,
) -> None:
    first, second, again = (_sample(parser, epoch)["image"] for epoch in (0, 1, 0))
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


def test_labels_stay_labels_and_the_map_is_that_of_the_moved_label(parser: ConfigParser) -> None:
    for epoch in range(5):
        sample = _sample(parser, epoch)
        assert set(sample["label"].unique().tolist()) <= {0, 1}
        expected = boundary_distance(sample["label"][None])[0]
        torch.testing.assert_close(torch.as_tensor(sample["distance_map"]), expected)


def test_the_mask_moves_with_the_image(parser: ConfigParser) -> None:
    label = torch.zeros(1, 64, 64)
    label[:, 15:50, 20:40] = 1
    moved = 0
    for seed in range(10):
        sample = {"image": label.clone(), "label": label.clone()}
        for transform in parser.get_parsed_content("moves"):
            sample = transform.set_random_state(seed)(sample)
        inside = sample["image"] > 0.5
        overlap = (
            2 * (inside & (sample["label"] > 0)).sum() / (inside.sum() + sample["label"].sum())
        )
        assert overlap > 0.97
        moved += not torch.equal(sample["label"], label)
    assert moved >= 5
