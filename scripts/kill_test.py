"""Kill a training at random moments, resume it, and compare with one that was left alone.

    python scripts/kill_test.py [--kills 50] [--seed 0]

A third of the kills (SIGKILL) come at a random time, a third while a file of the run is being
written, a third while a checkpoint is; half-written files that are left tell how many did. Each
resumed part loads its data with another number of workers. A run that ends is compared with
the uninterrupted one: weights, optimiser, ``epochs.csv``, snapshots, masks and evaluations have to
be the same, bit for bit. Exits with 1 at the first difference. For POSIX systems and the CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from medabl.files import TEMPORARY
from medabl.runs import RunFolder, load_checkpoint

SETTINGS = ("image_size=32,32", "width=4", "epochs=12", "validation=2", "device=cpu")
AUGMENTATION = """
augmentation:
  - _target_: RandRotated
    keys: [image, label]
    range_x: 0.3
    mode: [bilinear, nearest]
    prob: 0.8
  - {_target_: RandGaussianNoised, keys: image, prob: 0.8, std: 0.1}
  - $@distance_map[0]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_cohort(root / "data")
        (root / "mine.yaml").write_text(AUGMENTATION)
        start = time.monotonic()
        reference = root / "reference"
        if begin(root, reference, workers=0).wait() != 0:
            sys.exit("The uninterrupted run failed.")
        length = time.monotonic() - start
        print(f"Uninterrupted: {length:.0f} s. Killing {arguments.kills} times ...", flush=True)
        kills = in_writes = in_checkpoints = number = 0
        while kills < arguments.kills:
            number += 1
            run = root / f"run{number}"
            while RunFolder(run).status() != "done":
                before = half_written(run)
                process = begin(root, run, workers=kills % 3)
                if kills == arguments.kills:
                    process.wait()
                elif kills % 3 == 0:
                    wait_for_time(process, moments.uniform(0, length))
                elif kills % 3 == 1:
                    wait_for_write(process, run, before, "", moments.randrange(15))
                else:
                    wait_for_write(process, run, before, ".pt", moments.randrange(5))
                if stop(process):
                    kills += 1
                    in_writes += bool(half_written(run) - before)
                    in_checkpoints += bool(half_written(run, ".pt") - before)
            compare(reference, run)
            print(f"run {number}: the same, after {kills} kills so far", flush=True)
    print(
        f"{kills} kills: {in_writes} left a half-written file, {in_checkpoints} of these a"
        f" checkpoint; {number} runs, all the same"
    )


def begin(root: Path, run: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "medabl", "train", "wmh.yaml", str(root / "mine.yaml")]
    places = [f"data={root / 'data'}", f"run_dir={run}", f"num_workers={workers}"]
    return subprocess.Popen(
        [*command, *SETTINGS, *places],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_time(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def wait_for_write(
    process: subprocess.Popen[bytes], run: Path, before: set[Path], suffix: str, skip: int
) -> None:
    """Wait until a file with that suffix is being written, after as many others as `skip`."""
    seen: set[Path] = set()
    while process.poll() is None and len(seen) <= skip:
        seen |= half_written(run, suffix) - before


def half_written(run: Path, suffix: str = "") -> set[Path]:
    found = set()
    with contextlib.suppress(FileNotFoundError):  # renamed while they were listed
        found = set(run.rglob(f"{TEMPORARY}*{suffix}"))
    return {path for path in found if "heartbeat" not in path.name}


def stop(process: subprocess.Popen[bytes]) -> bool:
    """Kill the process and its workers; whether it was still running."""
    if process.poll() is not None:
        if process.returncode not in (0, -signal.SIGKILL):
            assert process.stderr is not None
            sys.exit(f"The training ended by itself:\n{process.stderr.read().decode()}")
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def compare(one: Path, other: Path) -> None:
    """Exit with what differs between two finished runs, if anything does."""
    for which in ("last", "best"):
        a, b = (load_checkpoint(RunFolder(run).checkpoint(which)) for run in (one, other))
        for checkpoint in (a, b):
            checkpoint.pop("config")
        same(f"{which}.pt", a, b)
    for name in ("epochs.csv", "evaluation/best_lesions.csv", "evaluation/last_lesions.csv"):
        same(name, (one / name).read_text(), (other / name).read_text())
    with np.load(one / "snapshots.npz") as a, np.load(other / "snapshots.npz") as b:
        same("snapshots.npz", dict(a), dict(b))
    masks = sorted(path.relative_to(one) for path in one.glob("predictions/**/*.nii.gz"))
    same(
        "list of masks",
        masks,
        sorted(p.relative_to(other) for p in other.glob("predictions/**/*.nii.gz")),
    )
    for mask in masks:
        same(
            str(mask),
            np.asanyarray(nib.load(one / mask).dataobj),
            np.asanyarray(nib.load(other / mask).dataobj),
        )


def same(name: str, a: Any, b: Any) -> None:
    for where, x, y in leaves(name, a, b):
        equal = (
            torch.equal(x, y)
            if isinstance(x, torch.Tensor)
            else np.array_equal(x, y, equal_nan=True)
            if isinstance(x, np.ndarray)
            else x == y
        )
        if not equal:
            sys.exit(f"Different from the uninterrupted run: {where}")


def leaves(where: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        yield f"{where}, keys", list(a), list(b)
        for key in a:
            yield from leaves(f"{where}, {key}", a[key], b[key])
    else:
        yield where, a, b


def write_cohort(root: Path) -> None:
    """Six small scans with discs for lesions."""
    for number in range(6):
        rng = np.random.default_rng(number)
        shape = (24, 32, 4)
        x, y, _ = np.indices(shape)
        label = (x - rng.integers(6, 18)) ** 2 + (y - rng.integers(6, 26)) ** 2 <= 16
        folder = root / f"subject{number}"
        (folder / "pre").mkdir(parents=True)
        for name, contrast in (("FLAIR", 60), ("T1", -60)):
            image = 100 + 5 * rng.standard_normal(shape) + contrast * label
            save(folder / "pre" / f"{name}.nii.gz", image.astype(np.float32))
        save(folder / "wmh.nii.gz", label.astype(np.uint8))


def save(path: Path, data: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(data, np.diag([1.0, 1.0, 3.0, 1.0])), path)


if __name__ == "__main__":
    main()
