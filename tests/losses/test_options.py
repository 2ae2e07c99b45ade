"""Options of another kind than they should be are refused by name, when the loss is made."""

from __future__ import annotations

import numpy as np
import pytest

from medabl.engine import AuxiliaryLoss
from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    CCDiceCELoss,
    ComponentTverskyLoss,
    CrossEntropyLoss,
    DeepSupervisedLoss,
    FullKLLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
    ScheduledSum,
)

LOSSES = (
    ActiveBoundaryLoss, BoundaryLoss, CCDiceCELoss, ComponentTverskyLoss, CrossEntropyLoss,
    FullKLLoss, GeneralizedDiceLoss, LovaszSoftmaxLoss, RegionWiseLoss,
)  # fmt: skip
FURTHER_FLAGS = {
    ActiveBoundaryLoss: ("detach_neighbors", "share_ties"),
    BoundaryLoss: ("include_background",),
    CCDiceCELoss: ("predicted_cells",),
    GeneralizedDiceLoss: ("include_background",),
    LovaszSoftmaxLoss: ("include_background", "per_image"),
    RegionWiseLoss: ("include_background",),
}
FLAGS = [
    (loss, flag)
    for loss in LOSSES
    for flag in ("to_onehot_y", "sigmoid", "softmax", *FURTHER_FLAGS.get(loss, ()))
]


@pytest.mark.parametrize("value", ["no", 2, [True]])
@pytest.mark.parametrize(("loss", "flag"), FLAGS)
def test_a_flag_is_true_or_false(loss, flag, value):
    with pytest.raises(ValueError, match=rf"^{flag} must be True or False, got .*\.$"):
        loss(**{flag: value})


@pytest.mark.parametrize("value", [True, False, np.True_, 1, 0])
def test_what_counts_as_true_or_false_is_taken(value):
    assert ActiveBoundaryLoss(share_ties=value).share_ties == value


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("value", ["void", 0.5, True, float("nan")])
def test_an_ignored_label_is_a_whole_number(loss, value):
    with pytest.raises(ValueError, match="ignore_index must be a whole number, got"):
        loss(ignore_index=value)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("max_boundary_ratio", r"in \(0, 1\]"),
        ("label_smoothing", r"in \[0, 1\)"),
        ("max_distance", "positive"),
        ("boundary_factor", "positive"),
        ("min_divergence", "positive"),
        ("reach", "positive"),
    ],
)
@pytest.mark.parametrize("value", ["1", True, [1.0], float("nan")])
def test_numbers_of_the_active_boundary_loss(name, allowed, value):
    with pytest.raises(ValueError, match=f"^{name} must be {allowed}, got "):
        ActiveBoundaryLoss(**{name: value})


@pytest.mark.parametrize("loss", [ActiveBoundaryLoss, BoundaryLoss, CCDiceCELoss, RegionWiseLoss])
@pytest.mark.parametrize("value", ["mm", True, 0, -1.0, ["1", "x"], [1.0, None], float("inf")])
def test_a_spacing_is_of_positive_numbers(loss, value):
    with pytest.raises(
        ValueError, match=r'^spacing must be positive numbers in mm, or "meta", got'
    ):
        loss(spacing=value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ComponentTverskyLoss(alpha=x), "alpha must be a number, got 'x'"),
        (lambda x: ComponentTverskyLoss(size_offset=x), "size_offset must be a number, got 'x'"),
        (lambda x: AuxiliaryLoss(FullKLLoss(), x), "weight must be a number, got 'x'"),
        (lambda x: scheduled(alpha_end=x), r"alpha_end must be in \[0, 1\], got 'x'"),
        (lambda x: scheduled(epochs=x), "epochs must be a whole number, got 'x'"),
        (lambda x: fading({"start": x, "end": 0}), "start must be a number, got 'x'"),
        (lambda x: fading({"start": 0, "end": 1, "until": x}), "until must be a number, got 'x'"),
        (lambda x: ScheduledSum({"a": {"loss": FullKLLoss()}}, x), "epochs must be a whole number"),
        (lambda x: DeepSupervisedLoss(FullKLLoss(), [1, x]), r"none negative .* got \[1, 'x'\]"),
    ],
)
def test_numbers_of_what_is_made_of_losses(make, message):
    with pytest.raises(ValueError, match=message):
        make("x")


def scheduled(**options):
    return AlphaScheduledLoss(GeneralizedDiceLoss(), BoundaryLoss(), **options)


def fading(weight):
    return ScheduledSum({"a": {"loss": FullKLLoss(), "weight": weight}})
