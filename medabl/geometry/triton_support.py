"""Whether Triton kernels run here."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.util import find_spec

import torch


@cache
def triton_works() -> bool:
    """Whether a Triton kernel can be compiled and run on the current CUDA device.

    Triton may be installed and yet of no use: it needs a C compiler, which many runtime images
    lack. It is tried once in a process; if it fails, that is said once, and PyTorch's own
    operators are used.
    """
    if find_spec("triton") is None:
        return False
    try:
        _try_a_kernel()
    except Exception as error:  # whatever a compiler, a driver or an import may raise
        reason = " ".join(str(error).split()) or type(error).__name__
        warnings.warn(
            f"Triton is installed but does not work here ({reason}); medabl uses PyTorch's own "
            "operators on CUDA, which are slower.",
            stacklevel=2,
        )
        return False
    return True


def _try_a_kernel() -> None:
    from medabl.geometry.distance_transform_triton import distance_transform_triton

    distance_transform_triton(torch.ones(1, 1, 2, 2, dtype=torch.bool, device="cuda"), [1.0, 1.0])
