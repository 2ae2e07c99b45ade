"""Time medabl's losses, forward and backward, beside MONAI's, in one process.

    python scripts/bench_losses.py [--device auto|cpu|cuda] [--threads N] [--repeats N]
        [--sizes 8x2x256x256,...] [--losses ABL]

Predictions are `noisy` (independent normal logits: the predicted boundary is everywhere, the worst
case) or `smooth` (regions, as of a network). The losses take turns, so that a machine that slows
down slows all of them; medians; what takes seconds is timed once. Peak memory is what a step needs
on top of its input. What only CUDA has (graphs, bf16 steps) is timed by gpu_timings.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from bench_edt import describe, medians, peak_memory, wait
from live_table import LiveTable
from monai import losses as monai_losses

from medabl.geometry import (
    boundary_distance,
    component_sizes,
    connected_components,
    nearest_component,
    region_wise_map,
    signed_distance,
)
from medabl.losses import (
    ActiveBoundaryLoss,
    BoundaryLoss,
    CCDiceCELoss,
    ComponentTverskyLoss,
    CrossEntropyLoss,
    DeepSupervisedLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
)

SIZES = [
    (8, 2, 256, 256),
    (2, 19, 512, 1024),
    (2, 2, 128, 128, 64),
    (2, 4, 64, 64, 32),
    (2, 14, 96, 96, 48),
]
# With deep supervision: the same losses on this size and on half of it.
TWO_OUTPUTS, TWO = (2, 4, 64, 64, 32), " of two outputs"
DICE_CE = "MONAI DiceCELoss"
FLAGS = {"to_onehot_y": True, "softmax": True}
# MONAI's loops over the batch and the classes take minutes there.
TOO_LARGE_FOR_MONAI = ((2, 19, 512, 1024), (2, 14, 96, 96, 48))

Loss = Callable[[torch.Tensor], torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's own choice)")
    parser.add_argument("--repeats", type=int, default=15, help="steps a median (big sizes: fewer)")
    parser.add_argument("--sizes", default=",".join(map(name_of, SIZES)), help="some of the sizes")
    parser.add_argument("--losses", default="", help="only those whose name contains this")
    arguments = parser.parse_args()
    if arguments.device == "auto":
        arguments.device = "cuda" if torch.cuda.is_available() else "cpu"
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)

    print(describe(device))
    table = LiveTable()
    for size in SIZES:
        if name_of(size) in arguments.sizes.split(","):
            for kind in ("noisy", "smooth"):
                bench(size, kind, device, arguments.repeats, arguments.losses, table)


def name_of(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def bench(
    size: tuple[int, ...],
    kind: str,
    device: torch.device,
    repeats: int,
    only: str,
    table: LiveTable,
) -> None:
    torch.manual_seed(0)
    labels = regions(size).argmax(1, keepdim=True).to(device)
    logits = torch.randn(size) * 2 if kind == "noisy" else regions(size)
    logits = logits.to(device).requires_grad_()
    losses = {
        name: loss
        for name, loss in competitors(labels, size).items()
        if only in name or name.startswith(("torch.log_softmax", DICE_CE))
    }
    for loss in losses.values():
        step(loss, logits)
    times = medians(
        {name: partial(time_once, each, logits) for name, each in losses.items()}, repeats
    )
    monai = times.get("MONAI BoundaryLoss")
    for name, loss in losses.items():
        table.add(
            {
                "size": name_of(size),
                "logits": kind,
                "loss": name,
                "median ms": f"{1000 * times[name]:.3g}",
                "peak MiB": peak_memory(partial(step, loss), logits),
                "time / MONAI BoundaryLoss": f"{times[name] / monai:.2f}" if monai else "-",
                "time / MONAI DiceCELoss": f"{times[name] / times[dice_ce_beside(name)]:.2f}",
                "time / log_softmax": f"{times[name] / times['torch.log_softmax']:.2f}",
            }
        )


def dice_ce_beside(name: str) -> str:
    """The name of MONAI's DiceCELoss on what the loss of that name is taken of."""
    return f"{DICE_CE}{TWO * (TWO in name)}"


def competitors(labels: torch.Tensor, size: tuple[int, ...]) -> dict[str, Loss]:
    """Losses of the logits alone."""
    distance = boundary_distance(labels)
    one_hot = torch.zeros(size, dtype=torch.bool, device=labels.device)
    signed = signed_distance(one_hot.scatter_(1, labels, True))
    lesions = connected_components(one_hot[:, 1:])
    cells, sizes = nearest_component(lesions), component_sizes(lesions)
    region_map = region_wise_map(one_hot)
    abl = ActiveBoundaryLoss(**FLAGS)
    losses: dict[str, Loss] = {
        "ABL, map given": lambda x: abl(x, labels, distance_map=distance),
        "ABL": lambda x: abl(x, labels),
    }
    if len(size) == 4:
        released = ActiveBoundaryLoss(**FLAGS, variant="released")
        losses["ABL released, map given"] = lambda x: released(x, labels, distance_map=distance)
        losses["ABL released"] = lambda x: released(x, labels)
    boundary = BoundaryLoss(**FLAGS)
    losses["BoundaryLoss, map given"] = lambda x: boundary(x, labels, distance_map=signed)
    losses["BoundaryLoss"] = lambda x: boundary(x, labels)
    cc, both = CCDiceCELoss(**FLAGS), CCDiceCELoss(**FLAGS, predicted_cells=True)
    losses["CCDiceCELoss, map given"] = lambda x: cc(x, labels, cell_map=cells)
    losses["CCDiceCELoss"] = lambda x: cc(x, labels)
    losses["CCDiceCELoss, predicted cells, map given"] = lambda x: both(x, labels, cell_map=cells)
    tversky = ComponentTverskyLoss(**FLAGS)
    losses["ComponentTverskyLoss, map given"] = lambda x: tversky(x, labels, size_map=sizes)
    losses["ComponentTverskyLoss"] = lambda x: tversky(x, labels)
    region_wise = RegionWiseLoss(**FLAGS)
    losses["RegionWiseLoss, map given"] = lambda x: region_wise(x, labels, region_map=region_map)
    losses["RegionWiseLoss"] = lambda x: region_wise(x, labels)
    if size == TWO_OUTPUTS:
        losses |= of_two_outputs(abl, labels, distance)
    others = {
        "CrossEntropyLoss": CrossEntropyLoss(**FLAGS),
        DICE_CE: monai_losses.DiceCELoss(**FLAGS),
        "GeneralizedDiceLoss": GeneralizedDiceLoss(**FLAGS),
        "LovaszSoftmaxLoss": LovaszSoftmaxLoss(**FLAGS),
        "FullKLLoss": FullKLLoss(**FLAGS),
        "MONAI GeneralizedDiceLoss": monai_losses.GeneralizedDiceLoss(**FLAGS),
    }
    if size not in TOO_LARGE_FOR_MONAI:
        if hasattr(monai_losses, "BoundaryLoss"):
            others["MONAI BoundaryLoss"] = monai_losses.BoundaryLoss(**FLAGS)
        others["MONAI HausdorffDTLoss"] = monai_losses.HausdorffDTLoss(**FLAGS)
    for name, module in others.items():
        losses[name] = lambda x, module=module: module(x, labels)
    ones = torch.ones(size, device=labels.device)
    losses["torch.log_softmax"] = lambda x: _OnesGradient.apply(torch.log_softmax(x, 1), ones)
    return losses


def of_two_outputs(
    abl: ActiveBoundaryLoss, labels: torch.Tensor, distance: torch.Tensor
) -> dict[str, Loss]:
    """Losses of a network with two outputs, the second at half the size, made of the first."""
    ours = DeepSupervisedLoss(abl, [1.0, 0.5])
    theirs = monai_losses.DeepSupervisionLoss(monai_losses.DiceCELoss(**FLAGS), weights=[1.0, 0.5])
    values = labels.float()

    def both(x: torch.Tensor) -> list[torch.Tensor]:
        return [x, x[..., ::2, ::2, ::2]]

    return {
        f"ABL{TWO}, map given": lambda x: ours(both(x), labels, distance_map=distance),
        f"ABL{TWO}": lambda x: ours(both(x), labels),
        f"{DICE_CE}{TWO}": lambda x: theirs(both(x), values),
    }


class _OnesGradient(torch.autograd.Function):
    """Lets a backward pass begin with ones that are there already, so that only it is timed."""

    @staticmethod
    def forward(ctx, values, ones):
        ctx.save_for_backward(ones)
        return values.new_zeros(())

    @staticmethod
    def backward(ctx, _):
        return ctx.saved_tensors[0], None


def regions(size: tuple[int, ...]) -> torch.Tensor:
    """Smooth random logits."""
    coarse = torch.randn(*size[:2], *[max(2, side // 16) for side in size[2:]])
    mode = "bilinear" if len(size) == 4 else "trilinear"
    return F.interpolate(coarse, size[2:], mode=mode) * 6


def step(loss: Loss, logits: torch.Tensor) -> None:
    logits.grad = None
    loss(logits).backward()


def time_once(loss: Loss, logits: torch.Tensor) -> float:
    wait(logits)
    start = time.perf_counter()
    step(loss, logits)
    wait(logits)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
