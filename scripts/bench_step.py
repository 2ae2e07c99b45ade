"""What the active boundary loss adds to a 2D training step as of nnU-Net.

    python scripts/bench_step.py [--size 4x1x256x256] [--classes 2] [--threads 1] [--repeats 5]

The network is MONAI's DynUNet as nnU-Net plans it for slices of 256 x 256: seven levels of 32 to
512 filters, deep supervision at halved sizes. The step is forward, Dice + CE of all outputs,
backward and SGD. ABL is timed on the new network's outputs, which are noise, forward and backward:
of the finest alone and of all. In turns, medians; labels are smooth regions.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from bench_edt import describe
from bench_losses import FLAGS, regions
from bench_patches import in_turns
from monai.losses import DiceCELoss
from monai.networks.nets import DynUNet
from torch import nn

from medabl.geometry import boundary_distance
from medabl.losses import ActiveBoundaryLoss, DeepSupervisedLoss

LEVELS = 7
OUTPUTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="4x1x256x256", help="of the network's input")
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(describe(torch.device("cpu")))
    size = tuple(int(side) for side in arguments.size.split("x"))
    times = measure(size, arguments.classes, arguments.repeats)
    whole = times["the step"]
    for name, seconds in times.items():
        print(f"{name:40} {1000 * seconds:9.1f} ms {100 * seconds / whole:6.2f} %")


def measure(size: tuple[int, ...], classes: int, repeats: int) -> dict[str, float]:
    torch.manual_seed(0)
    images = torch.randn(size)
    labels = regions((size[0], classes, *size[2:])).argmax(1, keepdim=True)
    distance = boundary_distance(labels)
    network = DynUNet(
        2,
        size[1],
        classes,
        kernel_size=[3] * LEVELS,
        strides=[1] + [2] * (LEVELS - 1),
        upsample_kernel_size=[2] * (LEVELS - 1),
        filters=[min(32 * 2**level, 512) for level in range(LEVELS)],
        deep_supervision=True,
        deep_supr_num=OUTPUTS - 1,
    )
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.99, nesterov=True)
    region = DeepSupervisedLoss(DiceCELoss(**FLAGS))
    boundary = {
        name: DeepSupervisedLoss(ActiveBoundaryLoss(**FLAGS), boundary=which)
        for name, which in (("of the finest output", "finest"), ("of all outputs", "all"))
    }

    def step() -> None:
        optimiser.zero_grad()
        region(pyramid(network(images)), labels).backward()
        optimiser.step()

    def alone(loss: nn.Module, **maps: torch.Tensor) -> None:
        logits = [output.detach().requires_grad_() for output in outputs]
        loss(logits, labels, **maps).backward()

    outputs = pyramid(network(images).detach())
    jobs = {"the step": step, "Dice + CE": partial(alone, region)}
    for name, loss in boundary.items():
        jobs[f"ABL {name}, map given"] = partial(alone, loss, distance_map=distance)
        jobs[f"ABL {name}"] = partial(alone, loss)
    return in_turns(jobs, repeats)


def pyramid(stacked: torch.Tensor) -> list[torch.Tensor]:
    """DynUNet's outputs at the sizes they had before it enlarged them."""
    return [x[..., :: 2**level, :: 2**level] for level, x in enumerate(stacked.unbind(1))]


if __name__ == "__main__":
    main()
