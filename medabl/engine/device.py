"""Where a run computes, and how precisely."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import torch

from medabl.errors import InputError
from medabl.processors import own_gpu, socket_names_fit

_GPU_WORKERS = 4


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one.

    Of several processes of a run each gets a GPU of its own.

    Raises:
        InputError: if the name means nothing to torch, or the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and own_gpu() is not None:
        name = f"cuda:{own_gpu()}"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"device must be auto, cpu, cuda, cuda:N or mps; got {name!r}.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {name} was asked for, but torch sees {torch.cuda.device_count()} CUDA"
            " device(s); use auto or cpu, or install a CUDA build of torch."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("device mps was asked for, but torch sees none here; use auto or cpu.")
    return device


@dataclass(frozen=True)
class Autocast:
    """Precision of the network's forward pass; losses are taken in float32 whatever it is.

    Attributes:
        dtype: float32 is no autocast at all.
    """

    dtype: torch.dtype

    @property
    def enabled(self) -> bool:
        """Whether anything is cast."""
        return self.dtype is not torch.float32

    @property
    def scaled(self) -> bool:
        """Whether gradients need scaling: float16 has too few exponents, bfloat16 has enough."""
        return self.dtype is torch.float16

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of `torch.autocast`."""
        return {"dtype": self.dtype}


def pick_precision(name: str, device: torch.device) -> Autocast:
    """The precision of that name; ``auto`` is bfloat16 on CUDA cards that compute in it.

    Older cards only emulate bfloat16: ``auto`` takes float32 there.

    Args:
        name: auto, float32, bfloat16 or float16.
        device: where the network runs.

    Raises:
        InputError: for float16 on a device other than CUDA.
    """
    if name == "auto":
        native = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        return Autocast(torch.bfloat16 if native else torch.float32)
    if name == "float16" and device.type != "cuda":
        raise InputError(f"precision=float16 needs CUDA; on {device} use bfloat16 or float32.")
    return Autocast(getattr(torch, name))


def count_workers(number: int | str, device: torch.device) -> int:
    """Number of processes that load data; ``auto``: none on a CPU, whose cores train.

    Raises:
        InputError: if there are some and they cannot talk to this one.
    """
    auto = 0 if device.type == "cpu" else _GPU_WORKERS
    count = auto if number == "auto" else int(number)
    if count and not socket_names_fit():
        raise InputError(
            f"num_workers={number}: processes that load data need a temporary folder with a shorter"
            f" name than {tempfile.gettempdir()}; set TMPDIR to one, or num_workers=0."
        )
    return count
