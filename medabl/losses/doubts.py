"""Input that can be computed with, but is hardly what was meant: a warning, once a loss."""

from __future__ import annotations

import warnings

import torch

from medabl.geometry.distance_transform import spacing_per_axis
from medabl.geometry.voxel_sizes import SpacingOrMeta

_NEARLY = 1e-3


def doubt_activation(input: torch.Tensor, sigmoid: bool, softmax: bool) -> str | None:
    """What is wrong if `input` looks like probabilities where logits belong, or the reverse.

    Args:
        input: B x C x ....
        sigmoid: whether a sigmoid is going to be applied.
        softmax: whether a softmax is.
    """
    if input.numel() == 0:
        return None
    least, most = (float(end) for end in input.detach().aminmax())
    between = least >= 0 and most <= 1
    if not (sigmoid or softmax):
        if least >= -_NEARLY and most <= 1 + _NEARLY:
            return None
        return (
            f"input goes from {least:.3g} to {most:.3g}, but without softmax=True or sigmoid=True"
            " it has to hold probabilities; set the one that fits, if these are logits."
        )
    if not between or least == most:
        return None
    if softmax and input.shape[1] > 1:
        off = (input.detach().float().sum(1) - 1).abs().max()
        if off > _NEARLY:
            return None
    flag = "softmax" if softmax else "sigmoid"
    return (
        f"input looks like probabilities (it goes from {least:.3g} to {most:.3g}), but {flag}=True"
        f" takes logits: leave {flag} out, or take it off the network."
    )


def doubt_distances(distance_map: torch.Tensor, spacing: SpacingOrMeta) -> str | None:
    """What is wrong if a map cannot have been computed with the loss's spacing.

    Args:
        distance_map: B x C x H x W [x D] distances, of whatever sign.
        spacing: the loss's; without one the map may be in any unit.
    """
    outside = distance_map[(distance_map > 0) & distance_map.isfinite()]
    if spacing is None or isinstance(spacing, str) or outside.numel() == 0:
        return None
    # Next to a boundary the distance is one voxel, along whichever axis.
    steps, least = spacing_per_axis(spacing, distance_map.ndim - 2), float(outside.min())
    if any(abs(least - step) <= _NEARLY * step for step in steps):
        return None
    return (
        f"distance_map begins at {least:.3g}, which is none of the voxel sizes of spacing={steps}:"
        " compute the map with the spacing of the loss, or leave the loss's out."
    )


def warn_of(doubt: str | None) -> None:
    """Warn, if there is a doubt, where the loss was called."""
    if doubt is not None:
        warnings.warn(doubt, stacklevel=6)
