"""The active boundary loss off the CPU, as a PyTorch operator with its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from medabl.geometry.triton_support import triton_works
from medabl.losses.active_boundary.settings import OPERATOR_INPUTS, Settings
from medabl.losses.active_boundary.terms import active_boundary_terms, add_columns

# The kernels number the voxels of an image in 32 bits.
_MOST_VOXELS = 2**30


def use_fused_kernels(logits: torch.Tensor, settings: Settings) -> bool:
    """Whether the fused Triton kernels take the loss: the one place where that is decided.

    They know what is published, not the options that repair it.
    """
    # They add up what attached neighbours get in any order.
    ordered = torch.are_deterministic_algorithms_enabled() and not settings.detach_neighbors
    fits = logits.numel() > 0 and math.prod(logits.shape[2:]) <= _MOST_VOXELS
    return logits.is_cuda and settings.published and fits and not ordered and triton_works()


@torch.library.custom_op(
    "medabl::active_boundary_dense",
    mutates_args=(),
    schema=f"{OPERATOR_INPUTS} -> (Tensor, Tensor, Tensor, Tensor)",
)
def dense_terms(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values, weights, scales and gradient.

    The gradient is that of the sums over boundary voxels, and of the second logit minus the first
    where there are two; times its scale it is that of an image's value.
    """
    settings = Settings(*options)
    if use_fused_kernels(logits, settings):
        from medabl.losses.active_boundary.fused import active_boundary_triton

        with torch.cuda.device_of(logits):
            return active_boundary_triton(logits, distance, valid, settings)
    terms = active_boundary_terms(logits, distance, valid, settings, static=True)
    gradient = logits.new_zeros(_folded(logits.shape))
    add_columns(gradient, torch.ones_like(terms.sums), terms.positions, terms.columns)
    if settings.released:
        return terms.sums, terms.counts, torch.ones_like(terms.sums), gradient
    scales = terms.counts.clamp_min(1).to(terms.sums.dtype).reciprocal()
    return terms.sums * scales, terms.counts.clamp_max(1), scales, gradient


@dense_terms.register_fake
def _(
    logits: torch.Tensor, distance: torch.Tensor, valid: torch.Tensor | None, *options: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    images = logits.shape[0]
    return (
        logits.new_empty(images),
        logits.new_empty(images, dtype=torch.int64),
        logits.new_empty(images),
        logits.new_empty(_folded(logits.shape)),
    )


def _folded(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of logits in which one stands for two classes."""
    images, channels, *spatial = shape
    return (images, 1 if channels == 2 else channels, *spatial)


@torch.library.custom_op("medabl::active_boundary_dense_backward", mutates_args=())
def _scaled(
    above: torch.Tensor,
    values: torch.Tensor,
    scales: torch.Tensor,
    gradient: torch.Tensor,
    channels: int,
) -> torch.Tensor:
    if gradient.is_cuda and gradient.numel() > 0 and triton_works():
        from medabl.losses.active_boundary.fused import scaled_triton

        with torch.cuda.device_of(gradient):
            return scaled_triton(above, values, scales, gradient, channels)
    factor = above * scales + (values - values)
    scaled = gradient * factor.view(-1, *[1] * (gradient.ndim - 1))
    return torch.cat([-scaled, scaled], 1) if channels == 2 else scaled


@_scaled.register_fake
def _(
    above: torch.Tensor,
    values: torch.Tensor,
    scales: torch.Tensor,
    gradient: torch.Tensor,
    channels: int,
) -> torch.Tensor:
    return gradient.new_empty((gradient.shape[0], channels, *gradient.shape[2:]))


def _save_dense(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    values, _, scales, gradient = output
    ctx.save_for_backward(values, scales, gradient)
    ctx.channels = inputs[0].shape[1]


def _backward_dense(ctx: Any, above: torch.Tensor | None, *_: Any) -> tuple[Any, ...]:
    nothing = (None,) * (2 + len(Settings._fields))
    if above is None:
        return (None, *nothing)
    return (_scaled(above, *ctx.saved_tensors, ctx.channels), *nothing)


dense_terms.register_autograd(_backward_dense, setup_context=_save_dense)


def refuse_second_derivative(ctx: Any, *gradients: torch.Tensor | None) -> None:
    """Stand where the gradient of a gradient would be.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        "ActiveBoundaryLoss has no second derivative: its gradient is worked out by hand. Leave it"
        " out of gradient penalties and of optimisers that need a Hessian."
    )


_scaled.register_autograd(refuse_second_derivative)
