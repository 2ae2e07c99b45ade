"""The active boundary loss as PyTorch operators, with their gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch

from medabl.losses.active_boundary.terms import Settings, active_boundary_terms, capacity


def active_boundary(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the loss over the boundary voxels of every image, and how many there are.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid. They get a gradient.
        distance: B x H x W [x D] distance to the true boundary.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        sums in the type of `logits` and counts in int64, both of shape B.
    """
    if logits.is_cuda and find_spec("triton") is not None:
        sums, counts, _ = _dense_terms(logits, distance, valid, *settings)
    else:
        sums, counts, *_ = _sparse_terms(logits, distance, valid, *settings)
    return sums, counts


@torch.library.custom_op("medabl::active_boundary", mutates_args=())
def _sparse_terms(
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    max_boundary_ratio: float,
    max_distance: float,
    label_smoothing: float,
    detach_neighbors: bool,
    released: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    settings = Settings(
        max_boundary_ratio, max_distance, label_smoothing, detach_neighbors, released
    )
    terms = active_boundary_terms(logits, distance, valid, settings)
    return terms.sums, terms.counts, terms.positions, terms.rows, terms.used


@_sparse_terms.register_fake
def _(
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    *options: Any,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    room = capacity(logits.shape, Settings(*options))
    return (
        logits.new_empty(logits.shape[0]),
        logits.new_empty(logits.shape[0], dtype=torch.int64),
        logits.new_empty(room, dtype=torch.int64),
        logits.new_empty((room, logits.shape[1])),
        logits.new_empty(1, dtype=torch.int64),
    )


@torch.library.custom_op("medabl::active_boundary_backward", mutates_args=())
def _scatter(
    grad_sums: torch.Tensor,
    positions: torch.Tensor,
    rows: torch.Tensor,
    used: torch.Tensor,
    shape: Sequence[int],
) -> torch.Tensor:
    if rows.device.type == "cpu":
        positions, rows = positions[: int(used)], rows[: int(used)]
    voxels = math.prod(shape[2:])
    image = positions.div(voxels, rounding_mode="floor")
    scaled = (rows * grad_sums.index_select(0, image)[:, None]).t().contiguous()
    start = positions + image * ((shape[1] - 1) * voxels)
    gradient = rows.new_zeros(math.prod(shape))
    for channel in range(shape[1]):
        gradient.index_add_(0, start + channel * voxels, scaled[channel])
    return gradient.view(*shape)


@_scatter.register_fake
def _(
    grad_sums: torch.Tensor,
    positions: torch.Tensor,
    rows: torch.Tensor,
    used: torch.Tensor,
    shape: Sequence[int],
) -> torch.Tensor:
    return rows.new_empty(shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[2:])
    ctx.shape = inputs[0].shape


def _backward(ctx: Any, grad_sums: torch.Tensor | None, *_: Any) -> tuple[Any, ...]:
    nothing = (None,) * 7
    if grad_sums is None:
        return (None, *nothing)
    return (_scatter(grad_sums, *ctx.saved_tensors, ctx.shape), *nothing)


_sparse_terms.register_autograd(_backward, setup_context=_save)


@torch.library.custom_op("medabl::active_boundary_dense", mutates_args=(), device_types="cuda")
def _dense_terms(
    logits: torch.Tensor,
    distance: torch.Tensor,
    valid: torch.Tensor | None,
    max_boundary_ratio: float,
    max_distance: float,
    label_smoothing: float,
    detach_neighbors: bool,
    released: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    from medabl.losses.active_boundary.kernels import active_boundary_triton

    settings = Settings(
        max_boundary_ratio, max_distance, label_smoothing, detach_neighbors, released
    )
    with torch.cuda.device_of(logits):
        return active_boundary_triton(logits, distance, valid, settings)


@_dense_terms.register_fake
def _(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (
        logits.new_empty(logits.shape[0]),
        logits.new_empty(logits.shape[0], dtype=torch.int64),
        torch.empty_like(logits, memory_format=torch.contiguous_format),
    )


def _save_dense(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[2])


def _scale_dense(ctx: Any, grad_sums: torch.Tensor | None, *_: Any) -> tuple[Any, ...]:
    nothing = (None,) * 7
    if grad_sums is None:
        return (None, *nothing)
    (gradient,) = ctx.saved_tensors
    return (gradient * grad_sums.view(-1, *[1] * (gradient.ndim - 1)), *nothing)


_dense_terms.register_autograd(_scale_dense, setup_context=_save_dense)
