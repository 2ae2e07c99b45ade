"""The active boundary loss as PyTorch operators, with their gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from medabl.geometry.divergence import needs_static_shapes
from medabl.losses.active_boundary.dense import dense_terms, refuse_second_derivative
from medabl.losses.active_boundary.settings import OPERATOR_INPUTS, Settings, gradient_capacity
from medabl.losses.active_boundary.terms import active_boundary_terms, add_columns


def active_boundary_values(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """What every image adds to the loss, and what it counts for.

    That is the mean over its boundary voxels and 1, or 0 if it has none; as released their sum and
    their number. The loss is the sum of the values over the sum of the weights.

    Args:
        logits: B x C x H x W [x D]; P is their softmax, or for C = 1 [1 - p, p] with p their
            sigmoid. They get a gradient. Infinite ones count as 1e4 or -1e4.
        distance: B x H x W [x D] distance to the true boundary.
        valid: B x H x W [x D] bool, or None if all voxels are.
        settings: the options of the loss.

    Returns:
        values in the type of `logits` (NaN for an image with a NaN among its valid logits, whose
        gradient is NaN as well) and weights in int64, both of shape B.
    """
    if needs_static_shapes(logits):
        values, weights, *_ = dense_terms(logits, distance, valid, *settings)
        return values, weights
    sums, counts, *_ = _sparse_terms(logits, distance, valid, *settings)
    if settings.released:
        return sums, counts
    return sums / counts.clamp_min(1), counts.clamp_max(1)


@torch.library.custom_op(
    "medabl::active_boundary_sparse",
    mutates_args=(),
    schema=f"{OPERATOR_INPUTS} -> ({', '.join(['Tensor'] * 5)})",
)
def _sparse_terms(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    settings = Settings(*options)
    terms = active_boundary_terms(logits, distance, valid, settings, static=False)
    return terms.sums, terms.counts, terms.positions, terms.columns, terms.used


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
        logits.new_empty((channels, room)),
        logits.new_empty(1, dtype=torch.int64),
    )


@torch.library.custom_op("medabl::active_boundary_sparse_backward", mutates_args=())
def _scatter(
    grad_sums: torch.Tensor,
    positions: torch.Tensor,
    columns: torch.Tensor,
    used: torch.Tensor,
    shape: Sequence[int],
) -> torch.Tensor:
    filled = slice(int(used))
    gradient = columns.new_zeros(tuple(shape))
    add_columns(gradient, grad_sums, positions[filled], columns[:, filled])
    lost = grad_sums.isnan()
    if lost.any():  # asked first, because writing by a mask is slow even where it is empty
        gradient[lost] = torch.nan
    return gradient


@_scatter.register_fake
def _(
    grad_sums: torch.Tensor,
    positions: torch.Tensor,
    columns: torch.Tensor,
    used: torch.Tensor,
    shape: Sequence[int],
) -> torch.Tensor:
    return columns.new_empty(shape)


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
_scatter.register_autograd(refuse_second_derivative)
