"""Dictionary transform: a random crop of an image at a random scale."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from monai.utils import convert_to_tensor, ensure_tuple
from torch.nn import functional as F


class RandScaledCropd(Randomizable, MapTransform):
    """Scale an image by a random factor and crop a window of fixed size at random.

    Only the window is computed: it is cut out at the image's own scale first and resized then,
    images linearly and labels to the nearest pixel. Where the scaled image is smaller than the
    window, the rest is filled. Every key is cut at the same place.

    Args:
        image_keys: keys of images, C x H x W.
        label_keys: keys of label maps, 1 x H x W.
        size: height and width of the window in pixels.
        scales: least and greatest factor, drawn evenly.
        image_fill: for each channel, or for all of them, the value beyond the image.
        label_fill: the label there.

    Raises:
        KeyError: a sample lacks a key.
        ValueError: the scales are not two positive numbers in order, or a map is not C x H x W of
            the others' size.

    Example:
        >>> import torch
        >>> crop = RandScaledCropd(size=(8, 12), label_fill=255)
        >>> sample = {"image": torch.zeros(3, 10, 10), "label": torch.zeros(1, 10, 10)}
        >>> {key: tuple(value.shape) for key, value in crop(sample).items()}
        {'image': (3, 8, 12), 'label': (1, 8, 12)}
    """

    def __init__(
        self,
        image_keys: KeysCollection = "image",
        label_keys: KeysCollection = "label",
        size: Sequence[int] = (512, 1024),
        scales: Sequence[float] = (0.5, 2.0),
        image_fill: float | Sequence[float] = 0.0,
        label_fill: int = 0,
    ) -> None:
        self.image_keys = ensure_tuple(image_keys)
        MapTransform.__init__(self, (*self.image_keys, *ensure_tuple(label_keys)))
        if len(scales) != 2 or not 0 < scales[0] <= scales[1]:
            raise ValueError(f"scales must be two positive numbers in order, got {scales}.")
        self.size = (int(size[0]), int(size[1]))
        self.scales = (float(scales[0]), float(scales[1]))
        self.image_fill = torch.as_tensor(image_fill, dtype=torch.float32).reshape(-1, 1, 1)
        self.label_fill = label_fill

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a shallow copy of ``data`` with the windows in place of the maps."""
        sample = dict(data)
        maps = {key: convert_to_tensor(sample[key], track_meta=False) for key in self.keys}
        shapes = {tuple(value.shape[1:]) for value in maps.values()}
        if len(shapes) != 1 or any(value.ndim != 3 for value in maps.values()):
            raise ValueError(
                "images and label maps must be C x H x W of one size, got "
                + ", ".join(f"{key}: {tuple(value.shape)}" for key, value in maps.items())
                + "."
            )
        scale = self.R.uniform(*self.scales)
        window = [max(1, round(side / scale)) for side in self.size]
        ranges = []
        for side, wanted in zip(next(iter(shapes)), window, strict=True):
            start = self.R.randint(max(side - wanted, 0) + 1)
            ranges.append(slice(start, start + wanted))
        for key, value in maps.items():
            sample[key] = self._cut(value[:, ranges[0], ranges[1]], window, key in self.image_keys)
        return sample

    def _cut(self, part: torch.Tensor, window: Sequence[int], is_image: bool) -> torch.Tensor:
        fill = self.image_fill if is_image else torch.tensor(float(self.label_fill))
        whole = fill.to(part.dtype).expand(part.shape[0], *window).clone()
        whole[:, : part.shape[1], : part.shape[2]] = part
        if is_image:
            return F.interpolate(whole[None].float(), self.size, mode="bilinear")[0]
        return F.interpolate(whole[None].float(), self.size, mode="nearest-exact")[0].to(part.dtype)
