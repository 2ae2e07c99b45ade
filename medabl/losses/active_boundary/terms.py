"""Value and gradient of the active boundary loss at every boundary voxel, without autograd."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from medabl.geometry.divergence import forward_divergence
from medabl.geometry.label_boundaries import label_boundary
from medabl.geometry.predicted_boundaries import (
    boundary_seeds,
    dilate,
    released_threshold,
    widest_float,
)
from medabl.losses.active_boundary.pieces import pieces
from medabl.losses.active_boundary.settings import (
    Settings,
    boundary_capacity,
    gradient_capacity,
)
from medabl.losses.active_boundary.steps import (
    aim_at_boundary,
    binary_step,
    multiclass_step,
    predict,
)
from medabl.losses.tensors import finite_logits


class Terms(NamedTuple):
    """The loss of every image, and its gradient where it is not zero.

    Attributes:
        sums: B, the sum of the loss over the boundary voxels of each image.
        counts: B, how many those are.
        positions: flat indices into B x H x W [x D]; the first `used` of them count, and one may
            occur more than once.
        columns: the gradient of `sums` with respect to the logits at those positions, a row
            a channel, or a single one for the difference of two.
        used: int64 tensor of one value.
    """

    sums: torch.Tensor
    counts: torch.Tensor
    positions: torch.Tensor
    columns: torch.Tensor
    used: torch.Tensor


def active_boundary_terms(
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    *,
    static: bool,
) -> Terms:
    """Take the loss and its gradient.

    Only the boundary voxels and their neighbours are looked at once the boundary is found.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid.
        distance: B x H x W [x D] distance to the true boundary, inf where there is none.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.
        static: all shapes are known beforehand and nothing waits for a device; False is faster,
            on the CPU.

    Returns:
        sums, counts and the sparse gradient.
    """
    logits = comparable_logits(logits, static=static)
    if settings.released:
        valid = None
    score = forward_divergence(logits, valid, sum_axes=settings.released, static=static)
    seeds = predicted_seeds(score, logits, distance, valid, settings, static=static)
    boundary = _boundary(seeds, distance, valid, settings, static)

    sums = logits.new_zeros(logits.shape[0], dtype=widest_float(logits))
    counts = torch.zeros_like(sums, dtype=torch.int64)
    room = gradient_capacity(logits.shape, settings)
    positions = counts.new_zeros(room)
    columns = logits.new_empty((logits.shape[1], room))
    channels, voxels, used = logits.shape[1], math.prod(logits.shape[2:]), 0
    for images in _groups(boundary, static):
        within = logits[images]
        mask = boundary[images]
        predicted = None if channels == 1 else predict(within, mask, static=static)
        to_boundary = distance[images].reshape(-1)
        known = None if valid is None else valid[images]
        room = boundary_capacity(within.shape, settings)
        for piece in pieces(mask, known, channels, room, static=static):
            aim = aim_at_boundary(to_boundary, piece, settings)
            if predicted is None:
                values, parts = binary_step(within, piece, aim, settings)
            else:
                values, parts = multiclass_step(predicted, piece, aim, settings)
            image = piece.centers.div(voxels, rounding_mode="floor") + images.start
            sums.index_add_(0, image, values.to(sums.dtype))
            ones = torch.ones_like(image) if aim.counts is None else aim.counts.long()
            counts.index_add_(0, image, ones)
            for where, gradient in parts:
                filled = slice(used, used + len(where))
                torch.add(where, images.start * voxels, out=positions[filled])
                columns[:, filled] = gradient
                used = filled.stop
    sums = sums.to(logits.dtype) + diverged(score)
    return Terms(sums, counts, positions, columns, torch.full((1,), used, device=logits.device))


def _groups(boundary: torch.Tensor, static: bool) -> list[slice]:
    """The images that are looked at together: all, or, unless `static`, one by one where needed.

    What an image gives must not hang, to the last digit, on the images beside it, and the vector
    instructions of a CPU round otherwise than those for what is left at the end of a row.
    """
    if static:
        return [slice(0, len(boundary))]
    return [slice(k, k + 1) for k, of_image in enumerate(boundary) if of_image.any()]


def comparable_logits(logits: torch.Tensor, *, static: bool) -> torch.Tensor:
    """Contiguous logits, none of them infinite, with the difference in place of two channels."""

    def fold(values: torch.Tensor) -> torch.Tensor:
        return values[:, 1:] - values[:, :1] if values.shape[1] == 2 else values

    if static:
        return fold(finite_logits(logits)).contiguous()
    folded = fold(logits)
    # A sum is finite only if all that it adds up is, and costs less than looking for the infinite.
    if not folded.sum().isfinite():
        folded = fold(finite_logits(logits))
    return folded.contiguous()


def diverged(score: torch.Tensor) -> torch.Tensor:
    """NaN for each image in whose divergences there is one, else 0."""
    if score.numel() == 0:
        return score.new_zeros(score.shape[0])
    # The largest is NaN if any is, and finite otherwise.
    largest = score.flatten(1).amax(1)
    return largest - largest


def _boundary(
    seeds: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    static: bool,
) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted boundary, where the loss can be taken."""
    boundary = dilate(seeds)
    boundary &= distance < torch.inf
    if not settings.released:
        boundary &= distance > 0
    if settings.reach < math.inf:
        boundary &= distance <= settings.reach
    if valid is not None:
        boundary &= valid
    return boundary


def predicted_seeds(
    score: torch.Tensor,
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    settings: Settings,
    *,
    static: bool,
) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted boundary before it is dilated."""
    if settings.released:
        return score > released_threshold(score, settings.max_boundary_ratio, static=static)
    if settings.class_change:
        score = score * _class_changes(logits, valid)
    allowed = None
    if settings.boundary_factor:
        true = (distance == 0).flatten(1).sum(1, keepdim=True)
        allowed = (true.to(widest_float(score)) * settings.boundary_factor).long().clamp_min(1)
    return boundary_seeds(
        score,
        settings.max_boundary_ratio,
        static=static,
        allowed=allowed,
        min_divergence=settings.min_divergence,
    )


def _class_changes(logits: torch.Tensor, valid: torch.Tensor | None) -> torch.Tensor:
    """B x H x W [x D] bool: the predicted class differs from that of a forward neighbour."""
    classes = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
    if valid is None:
        return label_boundary(classes[:, None])[:, 0]
    return label_boundary(classes.long().where(valid, -1)[:, None], ignore_index=-1)[:, 0]


def add_columns(
    gradient: torch.Tensor, scale: torch.Tensor, positions: torch.Tensor, columns: torch.Tensor
) -> None:
    """Add K columns, times their image's scale, to a gradient of zeros, B x C x H x W [x D]."""
    channels, voxels = gradient.shape[1], math.prod(gradient.shape[2:])
    image = positions.div(voxels, rounding_mode="floor")
    scaled = columns * scale.index_select(0, image)
    start = positions + image * ((channels - 1) * voxels)
    flat = gradient.view(-1)
    skipped = channels - len(scaled)
    for channel, values in enumerate(scaled, start=skipped):
        flat.index_add_(0, start + channel * voxels, values)
    if skipped:  # a column is towards the second logit minus the first
        torch.neg(gradient[:, 1], out=gradient[:, 0])
