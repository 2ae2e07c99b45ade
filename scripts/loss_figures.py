"""Draw what each loss sees on one slice, for docs/losses.md.

    python scripts/loss_figures.py [SUBJECT] [--slice N] [--out docs/figures/losses]

SUBJECT is a folder with pre/FLAIR.nii.gz and wmh.nii.gz; without one, a drawn phantom is used. The
prediction is a blurred, thresholded FLAIR, wrong in the way an early network is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import ndimage

from medabl.files import atomic_path
from medabl.geometry import boundary_distance, label_boundary, signed_distance
from medabl.geometry.neighbors import neighbor_indices, neighbor_offsets
from medabl.geometry.predicted_boundaries import predicted_boundary
from medabl.losses import (
    ActiveBoundaryLoss,
    BoundaryLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
)

# Okabe and Ito's blue and orange, which colour-blind readers tell apart.
TRUTH, PREDICTION = "#0072B2", "#E69F00"
WINDOW = 56
MAX_DISTANCE = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", nargs="?", type=Path, help="folder of a subject")
    parser.add_argument("--slice", type=int, help="default: the slice with most lesion")
    parser.add_argument("--out", type=Path, default=Path("docs/figures/losses"))
    arguments = parser.parse_args()
    if arguments.subject:
        image, lesion = read_slice(arguments.subject, arguments.slice)
    else:
        image, lesion = draw_phantom()
    labels = torch.from_numpy(lesion.astype(np.int64))[None, None]
    logits = predict(image)
    rows, columns = window(lesion)
    save(active_boundary_figure(image, logits, labels, rows, columns), arguments.out / "abl.png")
    save(other_losses_figure(image, logits, labels, rows, columns), arguments.out / "others.png")


def read_slice(subject: Path, number: int | None) -> tuple[np.ndarray, np.ndarray]:
    """FLAIR in [0, 1] and lesion of one slice."""
    import nibabel

    flair = np.asarray(nibabel.load(subject / "pre" / "FLAIR.nii.gz").dataobj, dtype=float)
    lesion = np.asarray(nibabel.load(subject / "wmh.nii.gz").dataobj) == 1
    number = int(lesion.sum((0, 1)).argmax()) if number is None else number
    # Turned so that the front of the head is up, as radiologists look at it.
    image, mask = np.rot90(flair[..., number]), np.rot90(lesion[..., number])
    return image / flair.max(), mask.copy()


def draw_phantom() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:192j, -1:1:160j]
    brain = y**2 / 0.8 + x**2 / 0.65 < 1
    noise = ndimage.gaussian_filter(rng.standard_normal(y.shape), 5)
    near = np.exp(-((np.abs(x) - 0.25) ** 2 + (y / 2) ** 2) / 0.03)
    lesion = brain & (noise / noise.std() + 3 * near > 3.2)
    image = brain * (0.45 + 0.2 * ndimage.gaussian_filter(lesion.astype(float), 1))
    return image + 0.02 * rng.standard_normal(y.shape) * brain, lesion


def predict(image: np.ndarray) -> torch.Tensor:
    """1 x 2 x H x W logits of a blurred threshold between brain and brightest voxels."""
    smooth = ndimage.gaussian_filter(image, 1.2)
    brain = smooth[image > 0.1 * image.max()]
    middle, spread = np.median(brain), 1.4826 * np.median(np.abs(brain - np.median(brain)))
    foreground = torch.from_numpy((smooth - middle - 2 * spread) / (0.15 * spread)).float()
    return torch.stack([-foreground, foreground])[None].clamp(-10, 10)


def window(lesion: np.ndarray) -> tuple[slice, slice]:
    """The part of the slice with most lesion."""
    density = ndimage.uniform_filter(lesion.astype(float), WINDOW, mode="constant")
    half = WINDOW // 2
    center = np.unravel_index(density.argmax(), density.shape)
    start = [min(max(c - half, 0), s - WINDOW) for c, s in zip(center, lesion.shape, strict=True)]
    return slice(start[0], start[0] + WINDOW), slice(start[1], start[1] + WINDOW)


def active_boundary_figure(
    image: np.ndarray, logits: torch.Tensor, labels: torch.Tensor, rows: slice, columns: slice
) -> Figure:
    difference = logits[:, 1:] - logits[:, :1]
    truth = label_boundary(labels)
    predicted = predicted_boundary(difference)[:, None]
    distance = boundary_distance(labels)
    weight = (distance.clamp_max(MAX_DISTANCE) / MAX_DISTANCE).where(predicted, torch.nan)
    down, right = directions(predicted, distance)
    pull = -gradient(ActiveBoundaryLoss(to_onehot_y=True, softmax=True), logits, labels)

    def cut(values: torch.Tensor) -> np.ndarray:
        return values[0, 0, rows, columns].numpy()

    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3).flat
    flair = image[rows, columns]
    show_image(axes[0], flair, "slice, with both boundaries")
    overlay(axes[0], cut(predicted), PREDICTION)
    overlay(axes[0], cut(truth), TRUTH)
    axes[0].plot([], [], "s", color=TRUTH, label="true boundary")
    axes[0].plot([], [], "s", color=PREDICTION, label="predicted boundary")
    axes[0].legend(fontsize=7, loc="lower left")

    show_map(figure, axes[1], cut(distance), "distance M to the true boundary (voxels)", "viridis")
    overlay(axes[1], cut(truth), TRUTH)

    show_image(axes[2], flair, "direction each voxel is sent in")
    where = cut(predicted) & (cut(distance) > 0)
    y, x = np.nonzero(where)
    overlay(axes[2], cut(truth), TRUTH)
    axes[2].quiver(
        x,
        y,
        cut(right)[where],
        cut(down)[where],
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.008,
        color=PREDICTION,
    )

    show_image(axes[3], flair, "", alpha=0.35)
    show_map(figure, axes[3], cut(weight), "weight min(M, 20) / 20", "magma_r")

    probability = difference.sigmoid()
    show_map(figure, axes[4], cut(probability), "predicted probability of lesion", "cividis")
    show_gradient(figure, axes[5], cut(pull), "push of ABL on the lesion logit")
    return figure


def other_losses_figure(
    image: np.ndarray, logits: torch.Tensor, labels: torch.Tensor, rows: slice, columns: slice
) -> Figure:
    flags = {"to_onehot_y": True, "softmax": True}
    lesion = labels[0, 0, rows, columns].numpy()
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3).flat
    show_image(axes[0], image[rows, columns], "slice; true and predicted outline")
    for values, level, colour in (
        (lesion, 0.5, TRUTH),
        ((logits[0, 1] - logits[0, 0])[rows, columns].numpy(), 0.0, PREDICTION),
    ):
        axes[0].contour(values, [level], colors=colour, linewidths=1)
    signed = signed_distance(labels == 1)[0, 0, rows, columns].numpy()
    bound = np.abs(signed).max()
    show_map(figure, axes[1], signed, "signed distance (BoundaryLoss)", "PuOr", -bound, bound)
    losses = {
        "BoundaryLoss": BoundaryLoss(**flags),
        "GeneralizedDiceLoss": GeneralizedDiceLoss(**flags),
        "LovaszSoftmaxLoss": LovaszSoftmaxLoss(**flags),
        "FullKLLoss": FullKLLoss(**flags),
    }
    for axis, (name, loss) in zip(list(axes)[2:], losses.items(), strict=True):
        pull = -gradient(loss, logits, labels)[0, 0, rows, columns].numpy()
        show_gradient(figure, axis, pull, f"push of {name}")
        axis.contour(lesion, [0.5], colors=TRUTH, linewidths=0.7)
    return figure


def directions(predicted: torch.Tensor, distance: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Step in rows and in columns to the neighbour nearest to the true boundary."""
    size = tuple(distance.shape[2:])
    every = torch.arange(distance.numel())
    indices, inside = neighbor_indices(every, size)
    nearest = distance.flatten()[indices].where(inside, torch.inf).argmin(0)
    steps = torch.tensor(neighbor_offsets(2))[nearest].where(predicted.flatten()[:, None], 0)
    return tuple(step.view_as(distance) for step in steps.unbind(1))


def gradient(loss: torch.nn.Module, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of the loss towards the lesion logit, 1 x 1 x H x W."""
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits, labels), logits)[0][:, 1:]


def show_image(axis: Axes, image: np.ndarray, title: str, alpha: float = 1.0) -> None:
    axis.imshow(image, cmap="gray", alpha=alpha, interpolation="nearest")
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def show_map(
    figure: Figure,
    axis: Axes,
    values: np.ndarray,
    title: str,
    colours: str,
    low: float | None = None,
    high: float | None = None,
) -> None:
    drawn = axis.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    figure.colorbar(drawn, ax=axis, shrink=0.7).ax.tick_params(labelsize=7)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def show_gradient(figure: Figure, axis: Axes, pull: np.ndarray, title: str) -> None:
    bound = np.quantile(np.abs(pull), 0.995) or 1.0
    show_map(figure, axis, pull / bound, f"{title} (relative)", "RdBu_r", -1, 1)


def overlay(axis: Axes, mask: np.ndarray, colour: str) -> None:
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    axis.imshow(np.dstack([np.full(mask.shape, c) for c in rgb] + [0.75 * mask]))


def save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=85)
    print(path)


if __name__ == "__main__":
    main()
