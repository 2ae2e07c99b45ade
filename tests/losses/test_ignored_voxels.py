"""Ignored voxels are as good as not there."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medabl.geometry import signed_distance
from medabl.losses import BoundaryLoss, GeneralizedDiceLoss, LovaszSoftmaxLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def example(seed, classes, spatial):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *spatial, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, classes, (2, 1, *spatial), generator=generator)
    return logits, labels.where(torch.rand(labels.shape, generator=generator) < 0.7, 255)


examples = st.builds(
    example,
    st.integers(0, 2**31),
    st.integers(2, 3),
    st.lists(st.integers(1, 5), min_size=2, max_size=3),
)


def known_voxels(logits, labels):
    """One image a row of its known voxels."""
    for image, label in zip(logits, labels, strict=True):
        known = label[0] != 255
        yield image[:, known][None, :, None], label[:, known][None, :, None]


@settings(max_examples=40, deadline=None)
@given(examples, st.booleans())
def test_dice_is_that_of_the_known_voxels(case, include_background):
    logits, labels = case
    options = {**FLAGS, "include_background": include_background}
    loss = GeneralizedDiceLoss(**options, ignore_index=255, reduction="none")
    for value, (image, label) in zip(
        loss(logits, labels), known_voxels(logits, labels), strict=True
    ):
        if label.numel():
            torch.testing.assert_close(value, GeneralizedDiceLoss(**options)(image, label))


def slow_boundary_loss(logits, labels, include_background):
    """Kervadec's loss over the known voxels, distances by trying all pairs of them."""
    total, count = 0.0, 0
    first = 0 if include_background else 1
    for probs, label in zip(logits.softmax(1), labels[:, 0], strict=True):
        voxels = itertools.product(*map(range, label.shape))
        known = {voxel: int(label[voxel]) for voxel in voxels if label[voxel] != 255}
        for c, (voxel, own) in itertools.product(range(first, logits.shape[1]), known.items()):
            count += 1
            others = [v for v, other in known.items() if (other == c) != (own == c)]
            if others:
                d = min(math.dist(voxel, other) for other in others)
                total += float(probs[(c, *voxel)]) * (1 - d if own == c else d)
    return total / max(count, 1)


@settings(max_examples=40, deadline=None)
@given(examples, st.booleans(), st.booleans())
def test_boundary_loss_is_that_of_the_known_voxels(case, include_background, given_map):
    logits, labels = case
    distance = None
    if given_map:
        one_hot = labels == torch.arange(logits.shape[1]).view(-1, *[1] * (labels.ndim - 2))
        distance = signed_distance(one_hot, valid=labels != 255)
    loss = BoundaryLoss(**FLAGS, include_background=include_background, ignore_index=255)
    expected = slow_boundary_loss(logits, labels, include_background)
    value = loss(logits, labels, distance_map=distance)
    assert value.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("kind", [BoundaryLoss, GeneralizedDiceLoss, LovaszSoftmaxLoss])
def test_they_have_no_influence_and_get_no_gradient(kind, one_hot):
    logits, labels = example(0, 3, (7, 8))
    ignored = labels == 255
    target = labels
    if one_hot:
        target = (labels == torch.arange(3).view(3, 1, 1)).double()
    loss = kind(softmax=True, to_onehot_y=not one_hot, ignore_index=255)
    other = torch.where(ignored, 100 * torch.randn_like(logits), logits)
    torch.testing.assert_close(loss(other, target), loss(logits, target))
    torch.testing.assert_close(
        loss(logits, target), kind(**FLAGS, ignore_index=255)(logits, labels)
    )
    logits.requires_grad_()
    loss(logits, target).backward()
    assert (logits.grad.where(ignored, 0) == 0).all()
    assert torch.autograd.gradcheck(lambda x: loss(x, target), logits)


@pytest.mark.parametrize("kind", [BoundaryLoss, GeneralizedDiceLoss])
def test_one_sigmoid_channel_ignores_as_two_classes_do(kind):
    logits, labels = example(1, 2, (7, 8))
    pair = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, :1]], 1)
    options = {"include_background": False, "ignore_index": 255}
    torch.testing.assert_close(
        kind(sigmoid=True, **options)(logits[:, :1], labels), kind(**FLAGS, **options)(pair, labels)
    )


@pytest.mark.parametrize("kind", [BoundaryLoss, LovaszSoftmaxLoss])
def test_everything_ignored_is_a_zero_with_a_gradient(kind):
    logits, labels = example(2, 3, (5, 6))
    logits.requires_grad_()
    loss = kind(**FLAGS, ignore_index=255)(logits, torch.full_like(labels, 255))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()
