"""One run in several processes, as torchrun starts them: who is who, and who gets what."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import ignite.distributed as idist
import torch
from torch.utils.data import Sampler

from medabl.data.share import ShareSampler, contiguous_share
from medabl.errors import InputError
from medabl.processors import process_count

_PATIENCE = timedelta(hours=6)  # while the first process reads and checks every file


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the other processes of the run, if there are any: NCCL on CUDA, else Gloo.

    Args:
        device: where this process computes.
    """
    if process_count() == 1:
        yield
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    idist.initialize(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        idist.finalize()


def train_share(sampler: Sampler[int], batch_size: int) -> Sampler[int]:
    """This process's part of every batch; the sampler itself if the process is the only one.

    Args:
        sampler: order of all samples.
        batch_size: of all processes together.

    Raises:
        InputError: if a batch has fewer samples than there are processes.
    """
    processes = process_count()
    if processes == 1:
        return sampler
    samples = len(sampler)  # type: ignore[arg-type]
    rest = samples % batch_size or batch_size
    if batch_size < processes:
        raise InputError(f"batch_size={batch_size} is less than the {processes} processes.")
    if rest < processes:
        raise InputError(
            f"The last batch of an epoch has {rest} of {samples} samples, fewer than the"
            f" {processes} processes: set slices_per_epoch={samples - rest}, or another batch_size."
        )
    return ShareSampler(sampler, batch_size, idist.get_rank(), processes)


def share_size(batch_size: int) -> int:
    """Samples of a whole batch that are this process's."""
    processes = process_count()
    if processes == 1:
        return batch_size
    return len(range(idist.get_rank(), batch_size, processes))


def validation_share(data: Sized, batch_size: int) -> dict[str, Any]:
    """A data loader's ``batch_size`` and ``sampler`` of this process's part of the validation.

    Shares are whole batches one after another, so that the network sees the batches a single
    process would show it, and the metrics of all are gathered in its order.

    Args:
        data: all samples.
        batch_size: of a single process.

    Raises:
        InputError: if there are fewer samples than processes.
    """
    processes = process_count()
    if processes == 1:
        return {"batch_size": batch_size, "sampler": None}
    samples = len(data)
    if samples < processes:
        raise InputError(f"{processes} processes cannot share {samples} validation samples.")
    # Where there are too few batches, they have to be smaller.
    size = batch_size if -(-samples // batch_size) >= processes else samples // processes
    mine = contiguous_share(-(-samples // size), idist.get_rank(), processes)
    return {
        "batch_size": size,
        "sampler": range(mine.start * size, min(mine.stop * size, samples)),
    }


def wait_for_others() -> None:
    """Go on when every process of the run has come here."""
    if process_count() > 1:
        idist.barrier()
