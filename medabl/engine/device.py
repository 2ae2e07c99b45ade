"""Where a run computes."""

from __future__ import annotations

import torch

from medabl.errors import InputError


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one.

    Raises:
        InputError: if the name means nothing to torch, or CUDA is asked for and not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {name} was asked for, but torch sees {torch.cuda.device_count()} CUDA"
            " device(s); use auto or cpu, or install a CUDA build of torch."
        )
    return device
