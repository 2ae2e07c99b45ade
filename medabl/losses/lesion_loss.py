"""What the losses of lesions share: the foreground, and maps of its lesions."""

from __future__ import annotations

import torch

from medabl.losses.base import SegmentationLoss
from medabl.losses.tensors import plain_tensor


class LesionLoss(SegmentationLoss):
    """Base of the losses of the foreground classes, whose connected components are lesions."""

    def _foreground(self, values: torch.Tensor) -> torch.Tensor:
        """B x C x ... without the background; one channel is the foreground."""
        return values if values.shape[1] == 1 else values[:, 1:]

    def _given(self, lesion_map: torch.Tensor, input: torch.Tensor, name: str) -> torch.Tensor:
        """A map that came with the target.

        Raises:
            ValueError: if its shape or type cannot be that of a map of lesions.
        """
        lesion_map = plain_tensor(lesion_map, name)
        foreground = max(input.shape[1] - 1, 1)
        expected = (input.shape[0], foreground, *input.shape[2:])
        if tuple(lesion_map.shape) != expected:
            raise ValueError(
                f"{name} must have the shape {expected}, a channel for each class but the "
                f"background, got {tuple(lesion_map.shape)}."
            )
        if lesion_map.dtype == torch.bool or lesion_map.is_complex():
            raise ValueError(f"{name} must hold whole numbers, got {lesion_map.dtype}.")
        return lesion_map
