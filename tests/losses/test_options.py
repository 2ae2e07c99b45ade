"""Options of another kind than they should be are refused by name, when the loss is made."""

from __future__ import annotations

import re

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


@pytest.mark.parametrize("name", ["max_distance", "min_divergence"])
def test_numbers_that_cannot_be_left_out(name):
    with pytest.raises(ValueError, match=f"^{name} must be positive, got None"):
        ActiveBoundaryLoss(**{name: None})


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


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (ActiveBoundaryLoss, {"reach": -1, "boundary_factor": 0, "max_distance": "far",
                              "label_smoothing": 1, "max_boundary_ratio": 2, "share_ties": "no",
                              "spacing": "mm", "variant": "x", "predicted_boundary": "x"}),
        (ActiveBoundaryLoss, {"to_onehot_y": 2, "reduction": "sun", "ignore_index": 0.5}),
        (BoundaryLoss, {"spacing": -1, "softmax": "no"}),
        (CCDiceCELoss, {"spacing": -1, "predicted_cells": "no"}),
        (ComponentTverskyLoss, {"alpha": -1, "beta": "x", "size_offset": -1}),
        (LovaszSoftmaxLoss, {"classes": "x", "per_image": "no", "ignore_index": "void"}),
        (lambda **options: scheduled(**options),
         {"strategy": "x", "alpha_start": 2, "alpha_end": -1, "epochs": 0}),
        (lambda **options: DeepSupervisedLoss(FullKLLoss(), **options),
         {"boundary": "x", "weights": [-1]}),
        (lambda **options: fading(options), {"start": "x", "end": "x"}),
    ],
)  # fmt: skip
def test_all_options_that_are_wrong_are_named_at_once(make, names):
    with pytest.raises(ValueError, match="; ") as error:
        make(**names)
    said = str(error.value)
    for name, value in names.items():
        assert re.search(rf"(^|; ){name} must .*got '?{re.escape(str(value))}", said), said
    assert said.count(" must ") == len(names)


def test_contradictions_are_named_beside_wrong_options():
    with pytest.raises(ValueError, match=r"sigmoid=True, softmax=True.*reach must be positive"):
        ActiveBoundaryLoss(sigmoid=True, softmax=True, reach=-1)
    with pytest.raises(ValueError, match=r'"mean" only; variant="released" .* none of .* reach'):
        ActiveBoundaryLoss(variant="released", reduction="sum", reach=5)


def test_every_term_that_is_wrong_is_named():
    terms = {"a": {"weight": 1}, "b": {"loss": FullKLLoss(), "weight": -1}}
    message = r"epochs must be at least 1, got 0; The term 'a' .*; The weight of 'b' must not be"
    with pytest.raises(ValueError, match=message):
        ScheduledSum(terms, epochs=0)


def scheduled(**options):
    return AlphaScheduledLoss(GeneralizedDiceLoss(), BoundaryLoss(), **options)


def fading(weight):
    return ScheduledSum({"a": {"loss": FullKLLoss(), "weight": weight}})
