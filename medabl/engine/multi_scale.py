"""Inference at several scales and on mirror images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.inferers import Inferer, SimpleInferer
from torch import Tensor, nn
from torch.nn import functional as F


class MultiScaleInferer(Inferer):
    """The mean of the class probabilities that a network gives at several scales.

    Images are resized bilinearly, and logits back again, with the network's own `align_corners`
    (False where it has no such attribute).

    Args:
        scales: factors of height and width.
        mirror: whether each scale is also seen left-right reversed.
        inferer: takes one image of one scale through the network, as a whole (None) or in windows
            (MONAI's `SlidingWindowInferer`).

    Raises:
        ValueError: if there are no scales, or one is not positive.

    Example:
        >>> inferer = MultiScaleInferer(scales=[0.5, 1.0])
        >>> inferer(torch.zeros(1, 3, 8, 12), nn.Conv2d(3, 5, 1)).shape
        torch.Size([1, 5, 8, 12])
    """

    def __init__(
        self, scales: Sequence[float] = (1.0,), mirror: bool = True, inferer: Inferer | None = None
    ) -> None:
        super().__init__()
        if not scales or min(scales) <= 0:
            raise ValueError(f"scales must be positive numbers, one at least; got {scales}.")
        self.scales = tuple(scales)
        self.mirror = mirror
        self.inferer = inferer or SimpleInferer()

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """B x C x H x W images to log-probabilities, B x classes x H x W, which serve as logits."""
        align = bool(getattr(network, "align_corners", False))
        size = inputs.shape[-2:]
        total: Tensor | None = None
        for scale in self.scales:
            scaled = _resize(inputs, [max(1, round(side * scale)) for side in size], align)
            for mirrored in (False, True)[: 1 + self.mirror]:
                seen = scaled.flip(-1) if mirrored else scaled
                logits = self.inferer(seen, network, *args, **kwargs)
                logits = logits.flip(-1) if mirrored else logits
                part = _resize(logits.float(), list(size), align).softmax(dim=1)
                total = part if total is None else total + part
        assert total is not None
        return (total / (len(self.scales) * (1 + self.mirror))).clamp_min(1e-12).log()


def _resize(images: Tensor, size: list[int], align_corners: bool) -> Tensor:
    if list(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", align_corners=align_corners)
