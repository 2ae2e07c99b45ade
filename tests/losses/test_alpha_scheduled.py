import pytest
import torch
from monai.losses import DeepSupervisionLoss
from torch import nn

from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    GeneralizedDiceLoss,
    scheduled_losses,
)


class Fixed(nn.Module):
    """A loss of a known value that records what it was called with."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.calls = []

    def forward(self, input, target, **others):
        self.calls.append(others)
        return input.sum() * 0 + self.value


def scheduled(**options):
    return AlphaScheduledLoss(Fixed(3.0), Fixed(5.0), **options)


@pytest.mark.parametrize(
    ("strategy", "epoch", "alpha", "value"),
    [
        ("rebalance", 0, 1.0, 3.0),
        ("rebalance", 5, 0.5, 4.0),
        ("rebalance", 10, 0.0, 5.0),
        ("rebalance", 99, 0.0, 5.0),
        ("increase", 0, 1.0, 3.0),
        ("increase", 5, 0.5, 5.5),
        ("increase", 10, 0.0, 8.0),
    ],
)
def test_alpha_is_linear_in_the_epoch(strategy, epoch, alpha, value):
    loss = scheduled(strategy=strategy, alpha_end=0.0, epochs=11)
    loss.set_epoch(epoch)
    assert loss.alpha == pytest.approx(alpha)
    assert loss(torch.ones(2), None).item() == pytest.approx(value)


@pytest.mark.parametrize("epoch", [0, 7, 50])
def test_constant_adds_the_boundary_loss_with_one_weight(epoch):
    loss = scheduled(strategy="constant", alpha_start=0.75, epochs=11)
    loss.set_epoch(epoch)
    assert loss.alpha == 0.75
    assert loss(torch.ones(2), None).item() == pytest.approx(3 + 0.25 * 5)


@pytest.mark.parametrize("epochs", [1, 20, 100, 200])
def test_released_weights_are_those_of_the_code_at_the_same_share_of_training(epochs):
    # LIVIAETS/boundary-loss takes 0.01 off the first of (1, 0.01) after every one of 100 epochs,
    # down to 0.1, and adds it to the second.
    loss = scheduled(strategy="released", epochs=epochs)
    region, boundary = 1.0, 0.01
    for epoch in range(100):
        if epoch * epochs % 100 == 0:
            loss.set_epoch(epoch * epochs // 100)
            assert loss.alpha == pytest.approx(region)
            expected = region * 3 + boundary * 5
            assert loss(torch.ones(2), None).item() == pytest.approx(expected, rel=1e-5)
        region, boundary = max(0.1, region - 0.01), boundary + 0.01
    loss.set_epoch(epochs - 1)
    last = loss(torch.ones(2), None)
    loss.set_epoch(epochs + 10)
    assert loss(torch.ones(2), None) == last


def test_one_epoch_has_the_first_alpha():
    assert scheduled(epochs=1).alpha == 1.0


def test_state_dict_carries_epoch_and_alpha():
    loss = scheduled(epochs=5)
    loss.set_epoch(3)
    other = scheduled(epochs=5)
    other.load_state_dict(loss.state_dict())
    assert other.epoch == 3
    assert other.alpha == loss.alpha
    assert other(torch.ones(2), None).item() == loss(torch.ones(2), None).item()


def test_state_dict_survives_a_file(tmp_path):
    loss = scheduled(epochs=5)
    loss.set_epoch(2)
    torch.save(loss.state_dict(), tmp_path / "loss.pt")
    other = scheduled(epochs=5)
    other.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    assert other.alpha == loss.alpha


def test_released_weights_survive_a_state_dict():
    loss = scheduled(strategy="released", epochs=10)
    loss.set_epoch(6)
    other = scheduled(strategy="released", epochs=10)
    other.load_state_dict(loss.state_dict())
    assert other(torch.ones(2), None).item() == loss(torch.ones(2), None).item()


class Model(nn.Module):
    def __init__(self, loss=None):
        super().__init__()
        self.network = nn.Linear(2, 1)
        if loss is not None:
            self.loss = loss


def test_a_checkpoint_without_the_loss_loads_into_a_model_with_it():
    model = Model(scheduled(epochs=5))
    model.loss.set_epoch(2)
    model.load_state_dict(Model().state_dict())
    assert model.loss.epoch == 2
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*network\.bias"):
        model.load_state_dict({"network.weight": torch.zeros(1, 2)})


def test_a_checkpoint_with_the_loss_needs_strict_false_without_it():
    state = Model(scheduled(epochs=5)).state_dict()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        Model().load_state_dict(state)
    assert Model().load_state_dict(state, strict=False).unexpected_keys == ["loss._extra_state"]


def test_scheduled_losses_are_found_wherever_they_are():
    loss, other = scheduled(), scheduled()
    assert scheduled_losses(loss) == [loss]
    assert scheduled_losses(Model(loss)) == [loss]
    assert scheduled_losses(nn.ModuleList([Model(loss), other, loss])) == [loss, other]
    assert scheduled_losses(torch.compile(Model(loss))) == [loss]
    assert scheduled_losses(DeepSupervisionLoss(loss)) == [loss]
    assert scheduled_losses(Fixed(1.0)) == []


def test_ignored_voxels_count_in_neither_loss():
    flags = {"to_onehot_y": True, "softmax": True, "ignore_index": 255}
    logits = torch.randn(2, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(2, 1, 20, 20)
    labels[..., 5:12, 4:15] = 1
    labels[..., 16:] = 255
    for boundary in (ActiveBoundaryLoss, BoundaryLoss):
        loss = AlphaScheduledLoss(
            GeneralizedDiceLoss(**flags), boundary(**flags, reduction="sum"), alpha_start=0.5
        )
        other = logits.clone()
        other[..., 16:] = torch.randn(2, 2, 20, 4) * 100
        value = loss(logits, labels)
        assert value.isfinite()
        torch.testing.assert_close(loss(other, labels), value)


def test_only_the_boundary_loss_gets_the_distance_map():
    loss = scheduled(epochs=5)
    distance = torch.zeros(1)
    loss(torch.ones(2), None, distance_map=distance)
    loss(torch.ones(2), None)
    assert loss.region_loss.calls == [{}, {}]
    assert loss.boundary_loss.calls[0]["distance_map"] is distance
    assert loss.boundary_loss.calls[1] == {}


@pytest.mark.parametrize("boundary", [ActiveBoundaryLoss, BoundaryLoss])
def test_adds_up_real_losses_and_compiles(boundary):
    flags = {"to_onehot_y": True, "softmax": True}
    logits = torch.randn(2, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(2, 1, 20, 20)
    labels[..., 5:12, 4:15] = 1
    region_loss, boundary_loss = GeneralizedDiceLoss(**flags), boundary(**flags)
    loss = AlphaScheduledLoss(region_loss, boundary_loss, epochs=3)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for epoch, alpha in enumerate([1.0, 0.505, 0.01]):
        loss.set_epoch(epoch)
        expected = alpha * region_loss(logits, labels) + (1 - alpha) * boundary_loss(logits, labels)
        torch.testing.assert_close(loss(logits, labels), expected)
        torch.testing.assert_close(compiled(logits, labels), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "other"}, "strategy must be one of"),
        ({"alpha_start": 1.5}, "alpha_start must be in"),
        ({"alpha_end": -0.1}, "alpha_end must be in"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"strategy": "constant"}, "set alpha_start below 1"),
        ({"strategy": "released", "alpha_end": 0.1}, "leave alpha_start at 1.0 and alpha_end"),
    ],
)
def test_refuses_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        scheduled(**options)


def test_refuses_a_negative_epoch():
    with pytest.raises(ValueError, match="epoch must not be negative"):
        scheduled().set_epoch(-1)
