import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medabl.losses import (
    ActiveBoundaryLoss,
    CCDiceCELoss,
    CrossEntropyLoss,
    LovaszSoftmaxLoss,
    Schedule,
    ScheduledSum,
)


class Fixed(nn.Module):
    """A loss of a known value that records the maps it was called with."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.calls = []

    def forward(self, input, target, distance_map=None):
        self.calls.append(distance_map)
        return input.sum() * 0 + self.value


class Plain(nn.Module):
    """A loss without maps."""

    def forward(self, input, target):
        return input.sum() * 0 + 1.0


def fading(epochs=11, **options):
    weights = {"a": {"start": 1.0, "end": 0.0}, "b": {"start": 0.0, "end": 2.0, **options}}
    terms = {"a": Fixed(3.0), "b": Fixed(5.0), "c": Fixed(0.5)}
    return ScheduledSum(
        {
            n: {"loss": t, **({"weight": weights[n]} if n in weights else {})}
            for n, t in terms.items()
        },
        epochs=epochs,
    )


@pytest.mark.parametrize(
    ("epoch", "weights"),
    [
        (0, (1.0, 0.0, 1.0)),
        (2, (0.8, 0.0, 1.0)),
        (5, (0.5, 1.0, 1.0)),
        (8, (0.2, 2.0, 1.0)),
        (10, (0.0, 2.0, 1.0)),
        (50, (0.0, 2.0, 1.0)),
    ],
)
def test_weights_are_linear_between_two_shares_of_the_training(epoch, weights):
    loss = fading(after=0.2, until=0.8)
    loss.set_epoch(epoch)
    assert tuple(loss.weights.values()) == pytest.approx(weights)
    expected = sum(w * v for w, v in zip(weights, (3.0, 5.0, 0.5), strict=True))
    assert loss(torch.ones(2), None).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("epochs", [5, 10, 15, 50, 100, 200])
def test_the_last_fifth_is_a_fifth_of_the_epochs(epochs):
    late = Schedule(0.0, 1.0, after=0.8, until=0.8)
    on = [epoch for epoch in range(epochs) if late.at(epoch, epochs) == 1.0]
    assert on == list(range(epochs - epochs // 5, epochs))


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
def test_a_schedule_begins_and_ends_where_it_says_and_never_turns(start, end, one, other, epochs):
    schedule = Schedule(start, end, min(one, other), max(one, other))
    values = [schedule.at(epoch, epochs) for epoch in range(epochs)]
    assert values[0] == (end if schedule.until == 0 else start)
    assert epochs == 1 or values[-1] == end
    assert all(min(start, end) <= value <= max(start, end) for value in values)
    assert values == sorted(values, reverse=start > end)


def test_a_loss_without_weight_is_not_taken():
    loss = fading()
    loss(torch.ones(2), None)
    assert [len(part.calls) for part in loss.losses.values()] == [1, 0, 1]
    loss.set_epoch(10)
    loss(torch.ones(2), None)
    assert [len(part.calls) for part in loss.losses.values()] == [1, 1, 2]


def test_no_weight_at_all_still_has_a_gradient_path():
    loss = ScheduledSum({"a": {"loss": Fixed(2.0), "weight": 0}})
    value = loss(torch.ones(2, requires_grad=True), None)
    value.backward()
    assert value == 0


def test_each_loss_gets_the_maps_it_takes():
    distances = torch.zeros(1)
    loss = ScheduledSum({"plain": {"loss": Plain()}, "fixed": {"loss": Fixed(1.0)}})
    loss(torch.ones(2), None, distance_map=distances)
    loss(torch.ones(2), None)
    assert loss.losses["fixed"].calls == [distances, None]
    with pytest.raises(ValueError, match="cell_map was given, but none of plain, fixed takes it"):
        loss(torch.ones(2), None, cell_map=distances)


def test_state_dict_carries_the_epoch_through_a_file(tmp_path):
    loss, other = fading(), fading()
    loss.set_epoch(7)
    torch.save(loss.state_dict(), tmp_path / "loss.pt")
    other.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    assert (other.epoch, other.weights) == (7, loss.weights)
    assert other(torch.ones(2), None) == loss(torch.ones(2), None)


def test_adds_up_real_losses_and_compiles():
    flags = {"to_onehot_y": True, "softmax": True}
    logits = torch.randn(2, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(2, 1, 20, 20)
    labels[..., 5:12, 4:15] = 1
    parts = [CrossEntropyLoss(**flags), LovaszSoftmaxLoss(**flags), ActiveBoundaryLoss(**flags)]
    loss = ScheduledSum(
        {
            "ce": {"loss": parts[0]},
            "iou": {"loss": parts[1], "weight": Schedule(1.0, 0.0)},
            "abl": {"loss": parts[2], "weight": Schedule(0.0, 1.0)},
            "cc": {"loss": CCDiceCELoss(**flags), "weight": 0.0},
        },
        epochs=3,
    )
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    values = [part(logits, labels) for part in parts]
    for epoch, share in enumerate([0.0, 0.5, 1.0]):
        loss.set_epoch(epoch)
        expected = values[0] + (1 - share) * values[1] + share * values[2]
        torch.testing.assert_close(loss(logits, labels), expected)
        torch.testing.assert_close(compiled(logits, labels), expected)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "terms must hold a loss"),
        (
            {"a": Plain()},
            "'a' must be a dictionary with a 'loss' and perhaps a 'weight', got Plain",
        ),
        ({"a": {"weight": 1}}, r"'a' must be a dictionary .* got \['weight'\]"),
        ({"a": {"loss": Plain(), "wight": 1}}, "'wight'"),
        ({"a": {"loss": Plain(), "weight": -1}}, "weight of 'a' must not be negative"),
        ({"a": {"loss": Plain(), "weight": "x"}}, "weight of 'a' must be a number, or start"),
        ({"a": {"loss": Plain(), "weight": {"start": 1}}}, "weight of 'a' must be a number, or"),
        (
            {"a": {"loss": Plain(), "weight": {"start": 0, "end": 1, "after": 0.9, "until": 0.1}}},
            "after and until are shares of the training",
        ),
    ],
)
def test_refuses_terms_that_make_no_sense(terms, message):
    with pytest.raises(ValueError, match=message):
        ScheduledSum(terms)


def test_refuses_epochs_that_make_no_sense():
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        fading(epochs=0)
    with pytest.raises(ValueError, match="epoch must not be negative"):
        fading().set_epoch(-1)
