"""A network that diverges is not hidden; an infinite logit is no divergence."""

import pytest
import torch

from medabl.losses import ActiveBoundaryLoss, FullKLLoss

INF, NAN = float("inf"), float("nan")


def example(channels, spatial=(24, 20)):
    logits = torch.randn(2, channels, *spatial, generator=torch.Generator().manual_seed(0)) * 3
    labels = torch.zeros(2, 1, *spatial)
    labels[:, :, 5:15, 4:12] = 1
    return logits.requires_grad_(), labels


def flags(channels):
    return {"sigmoid": True} if channels == 1 else {"to_onehot_y": True, "softmax": True}


@pytest.mark.parametrize("where", [(0, 0), (12, 7), (23, 19)])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_one_nan_makes_the_loss_and_the_gradient_of_its_image_nan(variant, channels, where):
    logits, labels = example(channels)
    with torch.no_grad():
        logits[1, -1][where] = NAN
    loss = ActiveBoundaryLoss(**flags(channels), variant=variant)(logits, labels)
    loss.backward()
    assert loss.isnan()
    assert logits.grad[0].isfinite().all()
    assert logits.grad[1].isnan().all()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_other_images_keep_their_loss(channels):
    logits, labels = example(channels)
    loss = ActiveBoundaryLoss(**flags(channels), reduction="none")
    expected = loss(logits, labels)
    with torch.no_grad():
        logits[1] = NAN
    values = loss(logits, labels)
    assert torch.equal(values[0], expected[0])
    assert values[1].isnan()


def test_nan_is_not_hidden_by_an_image_without_a_boundary():
    logits, labels = example(2)
    with torch.no_grad():
        logits[0, 0, 3, 3] = NAN
    loss = ActiveBoundaryLoss(**flags(2))
    assert loss(logits, torch.zeros_like(labels)).isnan()
    assert loss(torch.full_like(logits, NAN), labels).isnan()


def test_nan_at_an_ignored_voxel_does_not_count():
    logits, labels = example(3)
    labels[:, :, :4] = 255
    loss = ActiveBoundaryLoss(**flags(3), ignore_index=255)
    expected = loss(logits, labels)
    with torch.no_grad():
        logits[:, :, :4] = NAN
    assert torch.equal(loss(logits, labels), expected)


@pytest.mark.parametrize("value", [INF, -INF])
@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_infinite_logits_count_as_ten_thousand(variant, channels, count, value):
    logits, labels = example(channels)
    chosen = torch.randperm(logits.numel(), generator=torch.Generator().manual_seed(1))[:count]
    results = []
    for written in (value, 1e4 if value > 0 else -1e4):
        values = logits.detach().clone()
        values.view(-1)[chosen] = written
        values.requires_grad_()
        loss = ActiveBoundaryLoss(**flags(channels), variant=variant)(values, labels)
        loss.backward()
        results.append((loss.detach(), values.grad))
    # The released threshold may leave no boundary where many divergences are equal.
    assert results[0][0].isfinite()
    assert results[0][0] > 0 or variant == "released"
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_all_logits_infinite_is_finite(channels):
    logits, labels = example(channels)
    loss = ActiveBoundaryLoss(**flags(channels))
    assert loss(torch.full_like(logits, INF), labels) == 0
    assert loss(logits.sign() * INF, labels).isfinite()


def test_full_kl_treats_them_alike():
    logits, labels = example(2)
    loss = FullKLLoss(**flags(2))
    masked = logits.detach().clone()
    masked[0, 0, 3, 3] = -INF
    expected = loss(masked.clamp_min(-1e4), labels)
    assert expected.isfinite()
    assert torch.equal(loss(masked, labels), expected)
    masked[0, 0, 3, 3] = NAN
    assert loss(masked, labels).isnan()
