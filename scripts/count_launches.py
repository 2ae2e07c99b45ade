"""Count what a step of the active boundary loss asks of a CUDA device, on any machine.

    python scripts/count_launches.py [--size 8x2x256x256] [--each]

Forward and backward are gone through on the CPU, with the operators' CUDA branches in place of
their CPU ones. A PyTorch operator that would launch something counts as one launch, though some
launch several kernels; a Triton kernel counts as one, and is not run. Bytes are those of the
tensors that an operator or kernel is given and gives, each once (twice where an operator changes it
in place): what a device moves if nothing stays in its caches between two launches. The estimate
takes MICROSECONDS_A_LAUNCH for each and TB_A_SECOND for the bytes: a floor for a CUDA graph's
replay, not a measurement.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
import triton
from live_table import LiveTable
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from medabl.geometry.distance_transform_triton import boundary_distance_triton
from medabl.losses import ActiveBoundaryLoss
from medabl.losses.active_boundary.fused import active_boundary_triton, scaled_triton
from medabl.losses.active_boundary.settings import Settings

ON_CUDA = {
    torch.ops.medabl.boundary_distance.default: boundary_distance_triton,
    torch.ops.medabl.active_boundary_dense.default: (
        lambda logits, distance, valid, *options: active_boundary_triton(
            logits, distance, valid, Settings(*options)
        )
    ),
    torch.ops.medabl.active_boundary_dense_backward.default: scaled_triton,
}
LAUNCH_NOTHING = {"empty", "empty_like", "empty_strided", "new_empty", "detach", "alias"}
# What an H100 was seen to copy, reads and writes; and an assumption.
TB_A_SECOND = 3.0
MICROSECONDS_A_LAUNCH = 2.0
# Read only if more voxels than are allowed share the largest divergence, as of a perfect step.
SELDOM_READ = {"threshold_kernel": {"score_ptr"}}
# These change a tensor without reading it.
ONLY_WRITE = {"fill_", "zero_", "copy_"}

Launch = tuple[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="8x2x256x256", help="of the logits")
    parser.add_argument("--each", action="store_true", help="a row for every launch")
    arguments = parser.parse_args()
    size = tuple(map(int, arguments.size.split("x")))
    classes = max(2, size[1])
    logits = torch.randn(size, requires_grad=True)
    labels = torch.randint(classes, (size[0], 1, *size[2:]))
    distance = torch.rand(labels.shape)

    flags = {"to_onehot_y": True, "softmax": True} if size[1] > 1 else {"sigmoid": True}
    abl = ActiveBoundaryLoss(**flags)
    table = LiveTable()
    for way, given in {"map inside": None, "map given": distance}.items():

        def step(given: torch.Tensor | None = given) -> None:
            logits.grad = None
            abl(logits, labels, distance_map=given).backward()

        step()  # the first one looks at its input
        launches = launches_of(step)
        for name, moved in launches if arguments.each else []:
            table.add({"ABL": way, "launch": name, "MB": f"{moved / 1e6:.2f}"})
        if not arguments.each:
            total = sum(moved for _, moved in launches)
            floor = MICROSECONDS_A_LAUNCH * len(launches) + total / 1e6 / TB_A_SECOND
            row = {"ABL": way, "launches": str(len(launches)), "MB": f"{total / 1e6:.1f}"}
            table.add({"size": arguments.size} | row | {"estimate, us": f"{floor:.0f}"})


def launches_of(step: Callable[[], None]) -> list[Launch]:
    """Name and bytes of every launch of a step."""
    launches: list[Launch] = []

    def note(kernel: Any, *arguments: Any, **keywords: Any) -> None:
        name = kernel.fn.__name__
        given = dict(zip(kernel.arg_names, arguments, strict=False)) | keywords
        seldom = SELDOM_READ.get(name, set())
        moved = bytes_of([value for key, value in given.items() if key not in seldom])
        launches.append((name, moved))

    kernels = mock.patch.object(triton.runtime.JITFunction, "run", note)
    # Losses of tensors on the CPU go the way of those on devices.
    ways = mock.patch("medabl.losses.active_boundary.op.needs_static_shapes", lambda _: True)
    # What they do in every step, and those on devices in the first alone.
    looks = mock.patch.object(ActiveBoundaryLoss, "_refuse_strange", lambda *_: None)
    with kernels, ways, looks, Noting(launches):
        step()
    return launches


class Noting(TorchDispatchMode):
    """Notes every operator that would launch something, within those of medabl, too."""

    def __init__(self, launches: list[Launch]) -> None:
        super().__init__()
        self.launches = launches

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if operator in ON_CUDA:
            with self:
                return ON_CUDA[operator](*args, **kwargs)
        result = operator(*args, **kwargs)
        name = operator._schema.name.split("::")[1]
        if not operator.is_view and name not in LAUNCH_NOTHING:
            moved = bytes_of([args, kwargs]) + bytes_of(result)
            if name in ONLY_WRITE or "out" in kwargs:
                moved -= bytes_of(result)
            self.launches.append((name, moved))
        return result


def bytes_of(values: Any) -> int:
    """Size of all tensors in nested values; an expanded one counts as what it was expanded from."""
    tensors = [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]
    return sum(min(t.numel() * t.element_size(), t.untyped_storage().nbytes()) for t in tensors)


if __name__ == "__main__":
    main()
