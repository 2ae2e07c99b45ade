import pytest
import torch
from torch import nn

from medabl.losses import ActiveBoundaryLoss, AlphaScheduledLoss, BoundaryLoss, GeneralizedDiceLoss


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
        ("constant", 7, 1.0, 3.0),
    ],
)
def test_alpha_is_linear_in_the_epoch(strategy, epoch, alpha, value):
    loss = scheduled(strategy=strategy, alpha_end=0.0, epochs=11)
    loss.set_epoch(epoch)
    assert loss.alpha == pytest.approx(alpha)
    assert loss(torch.ones(2), None).item() == pytest.approx(value)


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
    ],
)
def test_refuses_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        scheduled(**options)


def test_refuses_a_negative_epoch():
    with pytest.raises(ValueError, match="epoch must not be negative"):
        scheduled().set_epoch(-1)
