"""Randomness that depends on seed, epoch and sample, and on nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from monai.data import Dataset
from torch.utils.data import RandomSampler, Sampler

_PRIME = 100_003


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of an epoch; those of consecutive runs are far apart, so no two epochs share one."""
    return (seed * _PRIME + epoch) % 2**32


class SeededDataset(torch.utils.data.Dataset[Any]):
    """A dataset whose random transforms draw as a function of (seed, epoch, index).

    The same sample of the same epoch is the same however many worker processes load the data,
    and after a resume. The epoch lies in shared memory, so that living workers see it.

    Args:
        dataset: a MONAI dataset; its ``transform`` may draw from its own random state, from
            Python's, NumPy's or torch's.
        seed: the run's seed.
    """

    def __init__(self, dataset: Dataset, seed: int = 0) -> None:
        self.dataset = dataset
        self.seed = seed
        self._epoch = torch.zeros((), dtype=torch.long).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the samples drawn from now on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        words = [self.seed, int(self._epoch), index]
        seed = int(np.random.SeedSequence(words).generate_state(1)[0])
        with _generators_at(seed):
            set_random_state = getattr(self.dataset.transform, "set_random_state", None)
            if set_random_state is not None:
                set_random_state(seed)
            return self.dataset[index]


class EpochSampler(Sampler[int]):
    """Samples of an epoch in random order, a function of (seed, epoch).

    Args:
        dataset: what is sampled.
        num_samples: how many, without repeats as far as there are enough; None: each once.
        seed: the run's seed.
    """

    def __init__(self, dataset: Sized, num_samples: int | None = None, seed: int = 0) -> None:
        self.dataset = dataset
        self.num_samples = num_samples
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples or len(self.dataset)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        data: Sequence[Any] = range(len(self.dataset))
        yield from RandomSampler(data, num_samples=self.num_samples, generator=generator)


@contextmanager
def _generators_at(seed: int) -> Iterator[None]:
    """Seed the global generators for the while, and leave them as they were."""
    python = random.getstate()
    array = np.random.get_state()  # noqa: NPY002 - what transforms outside MONAI draw from
    tensor = torch.default_generator.get_state()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(array)  # noqa: NPY002
        torch.default_generator.set_state(tensor)
