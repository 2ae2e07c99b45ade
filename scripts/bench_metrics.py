"""How long the metrics take beside the obvious ways to compute them; prints a Markdown table.

    python scripts/bench_metrics.py [--repeats 5]

CPU time on one thread, so that other work on the machine disturbs it little. Every pair of results
is compared before it is timed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from monai.metrics import (
    compute_average_surface_distance,
    compute_dice,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial.distance import directed_hausdorff

from medabl.metrics import (
    boundary_f_scores,
    class_counts,
    slice_metrics,
    volume_metrics,
    wmh_challenge_metrics,
)

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "metrics"))
from slow_metrics import challenge

CLASSES, VOID, TOLERANCES = 19, 255, (1, 3, 5)
SHAPE, SPACING = (512, 512, 16), (0.47, 0.47, 3.0)


def lesions(millilitres: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and reference of about that volume, within a brain's share of the image."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((3, *SHAPE)).astype(np.float32)
    common, *own = (gaussian_filter(n, (4, 4, 0.8)) for n in noise)
    x, y = np.ogrid[-1:1:512j, -1:1:512j]
    brain = (x**2 / 0.5 + y**2 / 0.35 < 1)[..., None] & np.ones(SHAPE, bool)
    voxels = int(millilitres * 1000 / np.prod(SPACING))
    masks = []
    for o in own:
        score = np.where(brain, common + 0.5 * o, -np.inf)
        masks.append(score >= np.partition(score.ravel(), -voxels)[-voxels])
    return masks[0], masks[1]


def monai_metrics(pred: np.ndarray, ref: np.ndarray) -> list[float]:
    """Each number by MONAI's function for it."""
    p, r = (torch.from_numpy(m)[None, None].float() for m in (pred, ref))
    pair = {"y_pred": p, "y": r, "include_background": True, "spacing": SPACING}
    return [
        compute_dice(p, r).item(),
        compute_hausdorff_distance(**pair).item(),
        compute_hausdorff_distance(**pair, percentile=95).item(),
        compute_average_surface_distance(**pair).item(),
        compute_average_surface_distance(**pair, symmetric=True).item(),
        compute_surface_dice(**pair, class_thresholds=[1.0]).item(),
        compute_surface_dice(**pair, class_thresholds=[3.0]).item(),
    ]


def scipy_rows(pred: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """The 2019 protocol's HD slice by slice through SciPy."""
    pairs = [(~p, ~r) for p, r in zip(pred, ref, strict=True)]
    return np.array(
        [max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0]) for a, b in pairs]
    )


def street(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and reference of Cityscapes' size: 19 classes, void along the lower edge."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, CLASSES, 256, 512), dtype=np.float32)
    common, own = gaussian_filter(noise, (0, 0, 10, 10)), gaussian_filter(noise, (0, 0, 4, 4))
    scores = common[0], common[0] + 0.15 * own[1]
    ref, pred = (s.repeat(4, 1).repeat(4, 2).argmax(0) for s in scores)
    ref[-150:] = VOID
    return pred, ref


def dilated_boundary_f(pred: np.ndarray, ref: np.ndarray) -> np.ndarray:
    """The published boundary F-score by dilating each class's contour with disks."""
    scores = np.ones((CLASSES, len(TOLERANCES)))
    for c in range(CLASSES):
        masks = [np.pad((m == c) & (ref != VOID), ((0, 1), (0, 1)), "edge") for m in (pred, ref)]
        p, r = (
            (m[:-1, :-1] ^ m[1:, :-1]) | (m[:-1, :-1] ^ m[:-1, 1:]) | (m[:-1, :-1] ^ m[1:, 1:])
            for m in masks
        )
        for t, radius in enumerate(TOLERANCES):
            y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
            disk = x**2 + y**2 <= radius**2
            if p.any() or r.any():
                precision = (p & binary_dilation(r, disk)).sum() / max(p.sum(), 1)
                recall = (r & binary_dilation(p, disk)).sum() / max(r.sum(), 1)
                both = precision + recall
                scores[c, t] = 2 * precision * recall / both if both else 0.0
    return scores


def label_map_metrics(pred: torch.Tensor, ref: torch.Tensor) -> torch.Tensor:
    """What a set of street images is evaluated by: the boundary F-scores."""
    class_counts(pred, ref, CLASSES, VOID)
    boundary_f_scores(pred, ref, CLASSES, TOLERANCES, VOID, variant="strict")
    return boundary_f_scores(pred, ref, CLASSES, TOLERANCES, VOID)


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return float(np.median(times))


def report(name: str, slow: Callable[[], object], fast: Callable[[], object], repeats: int) -> None:
    slow_s, fast_s = median_seconds(slow, min(repeats, 3)), median_seconds(fast, repeats)
    print(
        f"| {name} | {slow_s * 1000:.0f} ms | {fast_s * 1000:.1f} ms | {slow_s / fast_s:.0f}x |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    print("| what | the obvious way | medabl | ratio |\n|---|---|---|---|")
    for millilitres in (1, 12, 60):
        pred, ref = lesions(millilitres)
        labels = ref.astype(np.float32)
        probabilities = pred.astype(np.float32)

        def slow(p: np.ndarray = probabilities, r: np.ndarray = labels) -> dict[str, float]:
            return challenge(p, r, SPACING)

        def fast(p: np.ndarray = probabilities, r: np.ndarray = labels) -> dict[str, float]:
            return wmh_challenge_metrics(p, r, SPACING)

        np.testing.assert_allclose([*fast().values()], [*slow().values()], atol=1e-6, rtol=0)
        report(f"`wmh_challenge_metrics`, 512x512x16, {millilitres} ml", slow, fast, repeats)

        def monai(p: np.ndarray = pred, r: np.ndarray = ref) -> list[float]:
            return monai_metrics(p, r)

        def ours(p: np.ndarray = pred, r: np.ndarray = ref) -> dict[str, float]:
            return volume_metrics(p, r, SPACING)

        np.testing.assert_allclose([*ours().values()], monai(), rtol=1e-5)
        report(f"`volume_metrics`, 512x512x16, {millilitres} ml", monai, ours, repeats)

    # About 90 lesion voxels a slice, as on a brain with 12 ml of lesions at 1 x 1 x 3 mm.
    pred, ref = (np.moveaxis(m[128:384, 128:384], 2, 0).repeat(32, 0) for m in lesions(1))
    np.testing.assert_allclose(slice_metrics(pred, ref)["hd"], scipy_rows(pred, ref), rtol=1e-12)
    name = f"`slice_metrics`, {len(pred)} slices of 256x256"
    report(name, lambda: scipy_rows(pred, ref), lambda: slice_metrics(pred, ref), repeats)

    images = [street(seed) for seed in range(5)]
    tensors = [[torch.from_numpy(m)[None] for m in image] for image in images]
    np.testing.assert_allclose(
        label_map_metrics(*tensors[0])[0], dilated_boundary_f(*images[0]), rtol=1e-12
    )
    report(
        "IoU, accuracy, both boundary F-scores, 5 images of 1024x2048, 19 classes",
        lambda: [dilated_boundary_f(*image) for image in images],
        lambda: [label_map_metrics(*image) for image in tensors],
        repeats,
    )


if __name__ == "__main__":
    main()
