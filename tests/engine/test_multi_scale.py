"""Inference at several scales and on mirror images."""

from __future__ import annotations

import pytest
import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn
from torch.nn import functional as F

from medabl.engine import MultiScaleInferer


class Corners(nn.Module):
    """A network that sees where it is: no scale and no mirror image is like another."""

    align_corners = True

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        across = torch.linspace(0, 3, width).expand(len(x), 1, height, width)
        return torch.cat([x.mean(1, keepdim=True), across, x[:, :1] * across], dim=1)


def test_one_scale_without_a_mirror_is_the_network() -> None:
    images = torch.randn(2, 3, 7, 9)
    logits = MultiScaleInferer(scales=[1.0], mirror=False)(images, Corners())
    torch.testing.assert_close(logits.softmax(1), Corners()(images).softmax(1))


@pytest.mark.parametrize("align_corners", [False, True])
def test_probabilities_are_averaged_over_scales_and_mirrors(align_corners: bool) -> None:
    images, network = torch.randn(1, 3, 8, 10), Corners()
    network.align_corners = align_corners
    parts = []
    for size in ((4, 5), (8, 10), (12, 15)):
        scaled = F.interpolate(images, size, mode="bilinear", align_corners=align_corners)
        plain = network(scaled)
        mirrored = torch.flip(network(torch.flip(scaled, [3])), [3])
        for logits in (plain, mirrored):
            back = F.interpolate(logits, (8, 10), mode="bilinear", align_corners=align_corners)
            parts.append(back.softmax(1))
    result = MultiScaleInferer(scales=[0.5, 1.0, 1.5])(images, network)
    torch.testing.assert_close(result.softmax(1), torch.stack(parts).mean(0))
    torch.testing.assert_close(result.exp().sum(1), torch.ones(1, 8, 10))


def test_networks_without_align_corners_are_resized_by_half_pixels() -> None:
    images, network = torch.randn(1, 3, 8, 10), nn.Conv2d(3, 4, 1)
    scaled = F.interpolate(images, (16, 20), mode="bilinear", align_corners=False)
    back = F.interpolate(network(scaled), (8, 10), mode="bilinear", align_corners=False)
    result = MultiScaleInferer([2.0], mirror=False)(images, network)
    torch.testing.assert_close(result.softmax(1), back.softmax(1))


def test_each_scale_may_be_seen_in_windows() -> None:
    images, network = torch.randn(1, 3, 12, 20), nn.Conv2d(3, 4, 1)
    windows = SlidingWindowInferer(roi_size=(8, 8), sw_batch_size=2, overlap=0.5)
    for scales in ([1.0], [0.75, 1.0]):
        whole = MultiScaleInferer(scales)(images, network)
        torch.testing.assert_close(
            MultiScaleInferer(scales, inferer=windows)(images, network), whole
        )


def test_scales_that_are_none_are_refused() -> None:
    for scales in ([], [1.0, 0.0]):
        with pytest.raises(ValueError, match="scales must be positive numbers"):
            MultiScaleInferer(scales)
