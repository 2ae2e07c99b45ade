"""Regions that may overlap (BraTS, nnU-Net): several sigmoid channels, each a binary problem."""

import pytest
import torch
from monai.data import MetaTensor

from medabl.geometry import boundary_distance, signed_distance
from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    DeepSupervisedLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
)

MEANS = [BoundaryLoss, RegionWiseLoss]  # one mean over all voxels that count
KINDS = [ActiveBoundaryLoss, *MEANS, GeneralizedDiceLoss, LovaszSoftmaxLoss]
PER_IMAGE = {LovaszSoftmaxLoss: {"per_image": True}}


def regions(*spatial, number=3, seed=0):
    """Boxes inside each other, as whole and core of a tumour; one image has no core."""
    target = torch.zeros(2, number, *spatial)
    for region in range(number):
        middle = tuple(slice(2 + region, size - 2 - region) for size in spatial)
        target[(0, region, *middle)] = 1
        target[(1, region, *middle)] = float(region != 1)
    logits = torch.randn(2, number, *spatial, generator=torch.Generator().manual_seed(seed))
    return logits.double().requires_grad_(), target


def one_by_one(loss, logits, target):
    """B x C values of the binary loss."""
    rows = [
        [loss(logits[b : b + 1, c : c + 1], target[b : b + 1, c : c + 1]) for c in range(3)]
        for b in range(2)
    ]
    return torch.stack([torch.stack(row) for row in rows])


@pytest.mark.parametrize("spatial", [(12, 14), (12, 10, 11)])
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_several_channels_are_a_loop_over_the_binary_loss(kind, ignored, spatial):
    logits, target = regions(*spatial)
    if ignored:  # other voxels in every region
        for region in range(3):
            target[:, region, region : region + 2] = 255
    options = {"sigmoid": True, "ignore_index": 255, **PER_IMAGE.get(kind, {})}
    each = one_by_one(kind(**options), logits, target)
    if kind in MEANS:
        voxels = (target != 255).flatten(2).sum(2)
        expected = (each * voxels).sum() / voxels.sum()
    elif kind is ActiveBoundaryLoss:  # the image without a core has no boundary to move
        assert each[1, 1] == 0
        expected = each.sum() / 5
    else:
        expected = each.mean()
    value = kind(**options)(logits, target)
    torch.testing.assert_close(value, expected)
    (ours,) = torch.autograd.grad(value, logits)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, logits)[0])
    assert ours[0].abs().sum() > 0


@pytest.mark.parametrize("kind", [ActiveBoundaryLoss, GeneralizedDiceLoss])
def test_without_reduction_every_region_of_every_image_has_a_value(kind):
    logits, target = regions(12, 14)
    values = kind(sigmoid=True, reduction="none")(logits, target)
    torch.testing.assert_close(values, one_by_one(kind(sigmoid=True), logits, target))
    assert values.shape == (2, 3)


@pytest.mark.parametrize("spacing", [None, (1.0, 3.0)])
def test_maps_of_every_region_may_be_given(spacing):
    logits, target = regions(12, 14)
    abl = ActiveBoundaryLoss(sigmoid=True, spacing=spacing)
    distances = torch.cat([boundary_distance(target[:, c : c + 1], spacing) for c in range(3)], 1)
    assert abl(logits, target, distance_map=distances) == abl(logits, target) > 0
    bl = BoundaryLoss(sigmoid=True, spacing=spacing)
    signed = signed_distance(target, spacing)
    assert bl(logits, target, distance_map=signed) == bl(logits, target)


def test_the_first_region_is_no_background_unless_it_is_said_to_be():
    logits, target = regions(12, 14)
    without = BoundaryLoss(sigmoid=True, include_background=False)
    rest = BoundaryLoss(sigmoid=True)(logits[:, 1:], target[:, 1:])
    torch.testing.assert_close(without(logits, target), rest)
    assert BoundaryLoss(sigmoid=True)(logits, target) != rest


def test_a_schedule_over_deep_supervision_takes_regions():
    logits, target = regions(16, 16)
    coarse = torch.randn(2, 3, 8, 8, dtype=torch.double)
    region, boundary = GeneralizedDiceLoss(sigmoid=True), ActiveBoundaryLoss(sigmoid=True)
    inner = AlphaScheduledLoss(region, boundary, alpha_start=0.7)
    value = DeepSupervisedLoss(inner, [1, 0.5])([logits, coarse], target)

    def both(output, truth, spacing):
        each = ActiveBoundaryLoss(sigmoid=True, spacing=spacing, reduction="none")(output, truth)
        mean = each.sum() / (each != 0).sum()
        return 0.7 * one_by_one(region, output, truth).mean() + 0.3 * mean

    half = torch.nn.functional.interpolate(target, (8, 8), mode="nearest-exact")
    expected = both(logits, target, None) + 0.5 * both(coarse, half, 2.0)
    torch.testing.assert_close(value, expected)


def test_metadata_changes_nothing():
    logits, target = regions(12, 14)
    loss = ActiveBoundaryLoss(sigmoid=True)
    value = loss(MetaTensor(logits.detach()), MetaTensor(target))
    assert value == loss(logits, target)
