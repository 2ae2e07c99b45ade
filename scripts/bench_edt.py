"""Time medabl's distance transform beside everybody else's, in one process.

    python scripts/bench_edt.py [--device auto|cpu|cuda] [--threads N] [--repeats N] [--sizes ...]

Two kinds of masks of random smooth regions: `boundary` (all but the outline of the regions, which
fill half of the image: what the active boundary loss asks for) and `lesions` (blobs on a hundredth
of the image: the inner half of the boundary loss's map). The competitors take turns in random
order, so that a machine that slows down slows all of them; medians; what takes seconds is timed
once. Peak memory is what a call needs on top of its input. Results are compared with SciPy's before
anything is timed. On CUDA the competitors are SciPy and CuPy, image by image; exit status 3 if
medabl is not three times as fast as CuPy.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import torch
from live_table import LiveTable
from monai.transforms.utils import distance_transform_edt as monai_edt
from scipy import ndimage

from medabl.geometry import distance_transform_cpu, distance_transform_edt
from medabl.geometry.distance_transform_torch import distance_transform_torch
from medabl.geometry.label_boundaries import label_boundary

GOAL_BESIDE_CUPY = 3.0
SECONDS_A_COMPETITOR = 2.0
SIZES = [(8, 1, 256, 256), (8, 2, 256, 256), (2, 19, 512, 1024), (2, 2, 128, 128, 64)]

Transform = Callable[[torch.Tensor], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's own choice)")
    parser.add_argument("--repeats", type=int, default=15, help="calls a median (big sizes: fewer)")
    parser.add_argument("--sizes", default="", help="some of the sizes, as 8x1x256x256,...")
    arguments = parser.parse_args()
    if arguments.device == "auto":
        arguments.device = "cuda" if torch.cuda.is_available() else "cpu"
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)

    print(describe(device))
    table = LiveTable()
    met = True
    for size in SIZES:
        if arguments.sizes and "x".join(map(str, size)) not in arguments.sizes.split(","):
            continue
        for kind in ("boundary", "lesions"):
            times = bench(size, kind, device, arguments.repeats, table)
            met &= GOAL_BESIDE_CUPY * times["medabl"] <= times.get("CuPy", math.inf)
    sys.exit(0 if met else 3)


def describe(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    versions = f"torch {torch.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; {versions}"


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def bench(
    size: tuple[int, ...], kind: str, device: torch.device, repeats: int, table: LiveTable
) -> dict[str, float]:
    """Median seconds of every competitor, whose rows go into the table."""
    mask = {"boundary": boundary_masks, "lesions": lesion_masks}[kind](size).to(device)
    transforms = competitors(device)
    expected = through_numpy(ndimage.distance_transform_edt)(mask)
    for name, transform in transforms.items():
        if name != "SciPy":
            distance = torch.as_tensor(transform(mask)).cpu().numpy()
            np.testing.assert_allclose(distance, expected, rtol=1e-5, err_msg=name)
    times = medians(
        {name: partial(time_once, each, mask) for name, each in transforms.items()}, repeats
    )
    for name, seconds in times.items():
        table.add(
            {
                "size": "x".join(map(str, size)),
                "mask": kind,
                "transform": name,
                "median ms": f"{1000 * seconds:.3g}",
                "peak MiB": peak_memory(transforms[name], mask),
                "time / SciPy": f"{seconds / times['SciPy']:.2f}",
            }
        )
    return times


def medians(once: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Median of what each call returns, its own seconds; the calls take turns in random order.

    Whoever follows a call with many threads pays for their spinning.
    """
    seconds = {name: [call()] for name, call in once.items()}
    order = list(once)
    shuffle = random.Random(0).shuffle
    for turn in range(1, repeats):
        shuffle(order)
        for name in order:
            if turn * seconds[name][0] < SECONDS_A_COMPETITOR:
                seconds[name].append(once[name]())
    return {name: statistics.median(times) for name, times in seconds.items()}


def competitors(device: torch.device) -> dict[str, Transform]:
    transforms: dict[str, Transform] = {
        "medabl": distance_transform_edt,
        "SciPy": through_numpy(ndimage.distance_transform_edt),
    }
    if device.type != "cuda":
        transforms["MONAI"] = lambda mask: torch.stack(
            [torch.as_tensor(monai_edt(image)) for image in mask]
        )
        if distance_transform_cpu.edt is None:
            print("The edt package is not installed: its row is left out, and medabl uses SciPy.")
        else:
            transforms["edt package"] = through_numpy(
                lambda image: distance_transform_cpu.edt.edt(image, parallel=1)
            )
    if device.type == "cuda":
        transforms["medabl, without Triton"] = lambda mask: distance_transform_torch(
            mask, [1.0] * (mask.ndim - 2)
        )
        try:
            import cupy
            from cupyx.scipy.ndimage import distance_transform_edt as cupy_edt
        except ImportError:
            print("CuPy is not installed: its row is left out.")
        else:
            transforms["CuPy"] = lambda mask: torch.stack(
                [
                    torch.as_tensor(cupy_edt(cupy.asarray(image)), device=mask.device)
                    for image in mask.flatten(0, 1)
                ]
            ).view(mask.shape)
    return transforms


def through_numpy(transform: Callable[[np.ndarray], np.ndarray]) -> Transform:
    """Image by image on the CPU, the masks taken from the device and the distances left here."""

    def apply(mask: torch.Tensor) -> np.ndarray:
        images = mask.cpu().numpy().reshape(-1, *mask.shape[2:])
        return np.stack([transform(image) for image in images]).reshape(mask.shape)

    return apply


def smooth_noise(size: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    sigma = [0, 0] + [side / 24 for side in size[2:]]
    return ndimage.gaussian_filter(rng.standard_normal(size), sigma, mode="wrap")


def boundary_masks(size: tuple[int, ...]) -> torch.Tensor:
    regions = torch.from_numpy(smooth_noise(size) > 0)
    labels = regions.flatten(0, 1).unsqueeze(1).long()
    return ~label_boundary(labels).view(size)


def lesion_masks(size: tuple[int, ...]) -> torch.Tensor:
    noise = smooth_noise(size)
    return torch.from_numpy(noise > np.quantile(noise, 0.99))


def time_once(transform: Transform, mask: torch.Tensor) -> float:
    wait(mask)
    start = time.perf_counter()
    transform(mask)
    wait(mask)
    return time.perf_counter() - start


def wait(mask: torch.Tensor) -> None:
    if mask.is_cuda:
        torch.cuda.synchronize(mask.device)


def peak_memory(transform: Transform, mask: torch.Tensor) -> str:
    """MiB a call needs at its peak on top of its input: of PyTorch's on CUDA, resident on Linux."""
    if mask.is_cuda:
        torch.cuda.reset_peak_memory_stats(mask.device)
        before = torch.cuda.memory_allocated(mask.device)
        transform(mask)
        return f"{(torch.cuda.max_memory_allocated(mask.device) - before) / 2**20:.1f}"
    if platform.system() != "Linux":
        return "?"
    # What the allocator kept from earlier calls would hide what this one takes.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = resident("VmRSS")
    transform(mask)
    return f"{max(0, resident('VmHWM') - before) / 2**20:.1f}"


def resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
