"""The active boundary loss as PyTorch operators, with their gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_type_hints

import torch

from medabl.geometry.triton_support import triton_works
from medabl.losses.active_boundary.settings import Settings, gradient_capacity
from medabl.losses.active_boundary.terms import active_boundary_terms

_TYPES = {bool: "bool", float: "float"}
# The operators take the settings one by one, in their order.
_OPTIONS = ", ".join(f"{_TYPES[kind]} {name}" for name, kind in get_type_hints(Settings).items())
_INPUTS = f"(Tensor logits, Tensor distance, Tensor? valid, {_OPTIONS})"


def active_boundary_sums(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the loss over the boundary voxels of every image, and how many there are.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid. They get a gradient. Infinite ones count as 1e4 or -1e4.
        distance: B x H x W [x D] distance to the true boundary.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        sums in the type of `logits` (NaN for an image with a NaN among its valid logits, whose
        gradient is NaN as well) and counts in int64, both of shape B.
    """
    if logits.device.type == "cpu":
        sums, counts, *_ = _sparse_terms(logits, distance, valid, *settings)
    else:
        sums, counts, _ = _dense_terms(logits, distance, valid, *settings)
    return sums, counts


@torch.library.custom_op(
    "medabl::active_boundary", mutates_args=(), schema=f"{_INPUTS} -> ({', '.join(['Tensor'] * 5)})"
)
def _sparse_terms(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    settings = Settings(*options)
    terms = active_boundary_terms(logits, distance, valid, settings, static=False)
    return terms.sums, terms.counts, terms.positions, terms.rows, terms.used


@_sparse_terms.register_fake
def _(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    room = gradient_capacity(logits.shape, Settings(*options))
    channels = 1 if logits.shape[1] == 2 else logits.shape[1]
    return (
        logits.new_empty(logits.shape[0]),
        logits.new_empty(logits.shape[0], dtype=torch.int64),
        logits.new_empty(room, dtype=torch.int64),
        logits.new_empty((room, channels)),
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
    used_rows = slice(int(used))
    gradient = rows.new_zeros(tuple(shape))
    _add_rows(gradient, grad_sums, positions[used_rows], rows[used_rows])
    lost = grad_sums.isnan()
    if lost.any():  # asked first, because writing by a mask is slow even where it is empty
        gradient[lost] = torch.nan
    return gradient


@_scatter.register_fake
def _(
    grad_sums: torch.Tensor,
    positions: torch.Tensor,
    rows: torch.Tensor,
    used: torch.Tensor,
    shape: Sequence[int],
) -> torch.Tensor:
    return rows.new_empty(shape)


def _add_rows(
    gradient: torch.Tensor, scale: torch.Tensor, positions: torch.Tensor, rows: torch.Tensor
) -> None:
    """Add K rows, times the scale of their image, to a gradient of zeros, B x C x H x W [x D]."""
    channels, voxels = gradient.shape[1], math.prod(gradient.shape[2:])
    image = positions.div(voxels, rounding_mode="floor")
    scaled = (rows * scale.index_select(0, image)[:, None]).t().contiguous()
    start = positions + image * ((channels - 1) * voxels)
    flat = gradient.view(-1)
    skipped = channels - len(scaled)
    for channel, values in enumerate(scaled, start=skipped):
        flat.index_add_(0, start + channel * voxels, values)
    if skipped:  # a row is towards the second logit minus the first
        torch.neg(gradient[:, 1], out=gradient[:, 0])


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    sums, _, *sparse = output
    ctx.save_for_backward(sums, *sparse)
    ctx.shape = inputs[0].shape


def _backward(ctx: Any, grad_sums: torch.Tensor | None, *_: Any) -> tuple[Any, ...]:
    nothing = (None,) * (2 + len(Settings._fields))
    if grad_sums is None:
        return (None, *nothing)
    sums, *sparse = ctx.saved_tensors
    # An image whose loss is NaN gets a gradient of NaN.
    return (_scatter(grad_sums + (sums - sums), *sparse, ctx.shape), *nothing)


_sparse_terms.register_autograd(_backward, setup_context=_save)


@torch.library.custom_op(
    "medabl::active_boundary_dense",
    mutates_args=(),
    schema=f"{_INPUTS} -> (Tensor, Tensor, Tensor)",
)
def _dense_terms(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    settings = Settings(*options)
    # The kernel adds up what attached neighbours get in any order.
    ordered = torch.are_deterministic_algorithms_enabled() and not settings.detach_neighbors
    fused = logits.is_cuda and logits.numel() > 0 and settings.published and not ordered
    if fused and triton_works():
        from medabl.losses.active_boundary.kernels import active_boundary_triton

        with torch.cuda.device_of(logits):
            return active_boundary_triton(logits, distance, valid, settings)
    terms = active_boundary_terms(logits, distance, valid, settings, static=True)
    gradient = logits.new_zeros(logits.shape)
    _add_rows(gradient, torch.ones_like(terms.sums), terms.positions, terms.rows)
    return terms.sums, terms.counts, gradient


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
    ctx.save_for_backward(output[0], output[2])


def _scale_dense(ctx: Any, grad_sums: torch.Tensor | None, *_: Any) -> tuple[Any, ...]:
    nothing = (None,) * (2 + len(Settings._fields))
    if grad_sums is None:
        return (None, *nothing)
    sums, gradient = ctx.saved_tensors
    scale = grad_sums + (sums - sums)
    return (gradient * scale.view(-1, *[1] * (gradient.ndim - 1)), *nothing)


_dense_terms.register_autograd(_scale_dense, setup_context=_save_dense)
