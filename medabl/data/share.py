"""One process's share of what several train or validate on together."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import Sampler


class ShareSampler(Sampler[int]):
    """Every process's part of each batch that a sampler's order is cut into.

    Together the processes see the batches of a single one: of a batch, process r of W takes the
    samples r, r + W, r + 2W, ...

    Args:
        sampler: the order of all samples, the same in every process.
        batch_size: samples of a whole batch.
        rank: number of this process.
        processes: how many there are.

    Example:
        >>> [list(ShareSampler(range(10), 4, rank, 2)) for rank in (0, 1)]
        [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
        >>> [list(ShareSampler(range(7), 3, rank, 2)) for rank in (0, 1)]
        [[0, 2, 3, 5, 6], [1, 4]]
    """

    def __init__(self, sampler: Sampler[int], batch_size: int, rank: int, processes: int) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole * self._share(self.batch_size) + self._share(rest)

    def __iter__(self) -> Iterator[int]:
        for position, index in enumerate(self.sampler):
            if position % self.batch_size % self.processes == self.rank:
                yield index

    def _share(self, samples: int) -> int:
        return len(range(self.rank, samples, self.processes))


def contiguous_share(batches: int, rank: int, processes: int) -> range:
    """Which of some batches, in order, are a process's; shares differ by one at most."""
    return range(rank * batches // processes, (rank + 1) * batches // processes)
