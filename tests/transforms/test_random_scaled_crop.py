"""Crops at random scales."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from medabl.transforms import RandScaledCropd


def crop(seed: int = 0, **arguments: object) -> RandScaledCropd:
    transform = RandScaledCropd(**arguments)  # type: ignore[arg-type]
    transform.set_random_state(seed)
    return transform


def numbered(height: int, width: int) -> dict[str, torch.Tensor]:
    """Every pixel has a value of its own, the same in image and label."""
    values = torch.arange(height * width).reshape(1, height, width)
    return {"image": values.float(), "label": values}


@pytest.mark.parametrize("seed", range(5))
def test_at_scale_1_it_is_a_window_of_the_image_at_the_same_place_in_image_and_label(
    seed: int,
) -> None:
    sample = crop(seed, size=(4, 6), scales=(1.0, 1.0))(numbered(9, 11))
    top, left = divmod(int(sample["label"][0, 0, 0]), 11)
    expected = numbered(9, 11)["label"][:, top : top + 4, left : left + 6]
    torch.testing.assert_close(sample["label"], expected)
    torch.testing.assert_close(sample["image"], expected.float())


def test_every_place_is_reached() -> None:
    transform = crop(size=(4, 6), scales=(1.0, 1.0))
    corners = {int(transform(numbered(6, 7))["label"][0, 0, 0]) for _ in range(200)}
    assert corners == {row * 7 + column for row in range(3) for column in range(2)}


def test_at_scale_2_each_pixel_of_the_labels_becomes_four_and_images_are_interpolated() -> None:
    sample = crop(size=(8, 12), scales=(2.0, 2.0))(numbered(9, 11))
    labels = sample["label"][0]
    torch.testing.assert_close(
        labels, labels[::2, ::2].repeat_interleave(2, 0).repeat_interleave(2, 1)
    )
    ramp = sample["image"][0, 1:-1, 1:-1]  # the image is a plane; its slope is halved
    torch.testing.assert_close(ramp.diff(dim=1), torch.full((6, 9), 0.5))
    torch.testing.assert_close(ramp.diff(dim=0), torch.full((5, 10), 5.5))


def test_at_any_scale_it_is_a_window_of_the_resized_image() -> None:
    size = (16, 16)
    torch.manual_seed(0)
    smooth = F.interpolate(torch.randn(1, 1, 5, 5), (64, 64), mode="bicubic")[0]
    for seed in range(4):
        transform = crop(seed, size=size, scales=(0.8, 1.6))
        window = transform({"image": smooth, "label": smooth})["image"]
        scale = np.random.RandomState(seed).uniform(0.8, 1.6)
        whole = F.interpolate(smooth[None], scale_factor=scale, mode="bilinear")[0, 0]
        places = whole.unfold(0, 16, 1).unfold(1, 16, 1)
        a_pixel_off = whole.diff(dim=0).abs().max() + whole.diff(dim=1).abs().max()
        differences = (places - window[0]).abs().amax((-1, -2))
        assert differences.min() < a_pixel_off / 2
        assert differences.median() > 2 * a_pixel_off


def test_what_is_smaller_than_the_window_is_filled() -> None:
    fill = [10.0, 20.0, 30.0]
    sample = crop(size=(8, 8), scales=(1.0, 1.0), image_fill=fill, label_fill=255)(
        {"image": torch.zeros(3, 5, 9), "label": torch.ones(1, 5, 9, dtype=torch.uint8)}
    )
    assert sample["label"].dtype == torch.uint8
    assert (sample["label"][:, :5] == 1).all()
    assert (sample["label"][:, 5:] == 255).all()
    assert (sample["image"][:, 5:] == torch.tensor(fill).reshape(3, 1, 1)).all()


def test_a_state_decides_the_window_and_others_give_others() -> None:
    first, same, other = (crop(seed, size=(8, 8))(numbered(30, 30))["label"] for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_scales_and_sizes_that_mean_nothing_are_refused() -> None:
    for scales in ((2.0, 0.5), (0.0, 1.0), (1.0,)):
        with pytest.raises(ValueError, match="scales must be two positive numbers in order"):
            RandScaledCropd(scales=scales)
    with pytest.raises(
        ValueError, match=r"of one size, got image: \(3, 4, 4\), label: \(1, 4, 5\)"
    ):
        crop(size=(2, 2))({"image": torch.zeros(3, 4, 4), "label": torch.zeros(1, 4, 5)})
