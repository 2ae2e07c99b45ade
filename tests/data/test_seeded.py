"""Randomness of samples: a function of seed, epoch and index, whoever draws."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader
from monai.transforms import Compose, RandGaussianNoised, RandRotated

from medabl.data import EpochSampler, SeededDataset, epoch_seed


def foreign(sample: dict[str, Any]) -> dict[str, Any]:
    """A transform that draws from everybody's generators, as those of other packages do."""
    noise = random.random() + np.random.rand() + float(torch.rand(()))  # noqa: NPY002
    return {**sample, "foreign": torch.tensor(noise)}


@pytest.fixture
def dataset() -> SeededDataset:
    items = [{"image": torch.full((1, 6, 6), float(n))} for n in range(7)]
    rotate = RandRotated("image", range_x=0.5, prob=0.7)
    noise = RandGaussianNoised("image", prob=0.7, std=0.1)
    return SeededDataset(CacheDataset(items, Compose([rotate, noise, foreign]), progress=False), 3)


def epoch_of(dataset: SeededDataset, epochs: list[int], workers: int) -> list[torch.Tensor]:
    order = EpochSampler(dataset, num_samples=5, seed=3)
    loader = DataLoader(
        dataset, batch_size=2, sampler=order, num_workers=workers, persistent_workers=workers > 0
    )
    drawn = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        order.set_epoch(epoch)
        for batch in loader:
            drawn.append(torch.cat([batch["image"].flatten(), batch["foreign"].flatten()]))
    return drawn


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


def test_samples_are_the_same_whatever_the_number_of_workers(dataset: SeededDataset) -> None:
    alone = epoch_of(dataset, [1, 2], 0)
    assert same(alone, epoch_of(dataset, [1, 2], 1))
    assert same(alone, epoch_of(dataset, [1, 2], 2))
    assert same(alone[3:], epoch_of(dataset, [2], 2))


def test_epochs_and_seeds_differ(dataset: SeededDataset) -> None:
    one, two = epoch_of(dataset, [1], 0), epoch_of(dataset, [2], 0)
    assert not same(one, two)
    other = SeededDataset(dataset.dataset, seed=4)
    dataset.set_epoch(1)
    other.set_epoch(1)
    assert not torch.equal(dataset[0]["foreign"], other[0]["foreign"])
    assert not torch.equal(dataset[0]["foreign"], dataset[1]["foreign"])


def test_nobody_elses_random_numbers_are_moved(dataset: SeededDataset) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    dataset[0]
    assert torch.equal(torch.rand(3), expected)


def test_an_epoch_shows_each_sample_once_before_any_twice(dataset: SeededDataset) -> None:
    assert sorted(EpochSampler(dataset)) == list(range(7))
    assert len(set(EpochSampler(dataset, num_samples=5))) == 5
    assert set(EpochSampler(dataset, num_samples=9)) == set(range(7))


def test_epochs_of_consecutive_runs_share_no_seed() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(50) for epoch in range(1, 1001)}
    assert len(seeds) == 50 * 1000
