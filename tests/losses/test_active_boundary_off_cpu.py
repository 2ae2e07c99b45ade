"""What devices without Triton compute: the same operator, which a CPU runs as well."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from reference_values import reference_values

from medabl.geometry import boundary_distance
from medabl.losses.active_boundary import dense
from medabl.losses.active_boundary.op import active_boundary_values
from medabl.losses.active_boundary.settings import Settings

PAPER = Settings(0.01, 20.0, 0.2, True, False)
SHAPES = [(1, 30, 21), (2, 30, 21), (4, 17, 33), (3, 1, 40), (1, 6, 7, 8), (3, 9, 5, 6)]


def example(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, *shape, generator=generator) * 3
    labels = torch.zeros(2, 1, *shape[1:])
    labels[0, ..., : shape[-1] // 2] = 1
    labels[1, :, shape[1] // 2 :] = 1
    distance = boundary_distance(labels)[:, 0]
    return logits, distance, torch.rand(distance.shape, generator=generator) > 0.1


def run(function, logits, *others):
    logits = logits.clone().requires_grad_()
    values, weights, *_ = function(logits, *others)
    (gradient,) = torch.autograd.grad(values @ torch.tensor([0.3, 0.7]), logits)
    return values.detach(), weights, gradient


CASES = [
    (shape, ratio, detach, released, ignoring)
    for shape, ratio, detach, released, ignoring in itertools.product(
        SHAPES, [0.001, 0.02, 0.3, 1.0], [True, False], [False, True], [False, True]
    )
    if not (released and (ignoring or len(shape) == 4))
]


@pytest.mark.parametrize(("shape", "ratio", "detach", "released", "ignoring"), CASES)
def test_equals_the_reference(shape, ratio, detach, released, ignoring):
    logits, distance, valid = example(shape)
    options = Settings(ratio, 5.0, 0.2, detach, released)
    others = (distance, valid if ignoring else None)
    results = run(torch.ops.medabl.active_boundary_dense, logits, *others, *options)
    expected = run(reference_values, logits, *others, options)
    assert expected[1].sum() > 0 or released
    torch.testing.assert_close(results[1], expected[1])
    torch.testing.assert_close(results[0], expected[0], rtol=1e-5, atol=1e-6)
    scale = expected[2].abs().max().item()
    torch.testing.assert_close(results[2], expected[2], rtol=1e-4, atol=1e-5 * scale)
    *_, scales, _ = torch.ops.medabl.active_boundary_dense(logits, *others, *options)
    *_, counts = reference_values(logits, *others, options)
    torch.testing.assert_close(scales, torch.ones(2) if released else 1 / counts.clamp_min(1))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("detach", [True, False])
def test_nan_infinity_and_ties_are_treated_as_on_the_cpu(channels, detach):
    logits, distance, _ = example((channels, 24, 30))
    logits[0, 0, 3, 4] = float("nan")
    logits[1] = 0
    logits[1, -1, :, 12:] = 5  # a perfect step
    logits[1, -1, 2, 12:] = float("inf")
    options = Settings(0.02, 20.0, 0.2, detach, False)
    results = run(torch.ops.medabl.active_boundary_dense, logits, distance, None, *options)
    expected = run(active_boundary_values, logits, distance, None, options)
    assert expected[1][1] > 0
    assert results[1][1] == expected[1][1]
    torch.testing.assert_close(results[0], expected[0], equal_nan=True)
    torch.testing.assert_close(results[2], expected[2], equal_nan=True)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_an_empty_batch_has_no_loss(channels):
    logits = torch.zeros(0, channels, 8, 8)
    options = Settings(0.01, 20.0, 0.2, False, False)
    for operator in (
        torch.ops.medabl.active_boundary_sparse,
        torch.ops.medabl.active_boundary_dense,
    ):
        sums, counts, *_ = operator(logits, logits[:, 0], None, *options)
        assert sums.shape == counts.shape == (0,)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("released", [False, True])
def test_operator_keeps_pytorchs_contract(channels, released):
    logits, distance, _ = example((channels, 12, 12))
    options = Settings(0.05, 20.0, 0.2, False, released)
    arguments = (logits.requires_grad_(), distance, None, *options)
    torch.library.opcheck(torch.ops.medabl.active_boundary_dense.default, arguments)


@pytest.mark.parametrize(
    ("settings", "ordered", "expected"),
    [
        (PAPER, False, True),
        (PAPER, True, True),
        (PAPER._replace(released=True), True, True),
        (PAPER._replace(detach_neighbors=False), False, True),
        (PAPER._replace(detach_neighbors=False), True, False),
        (PAPER._replace(share_ties=True), False, False),
    ],
)
def test_the_kernels_take_what_they_know_and_can_repeat(settings, ordered, expected, monkeypatch):
    monkeypatch.setattr(dense, "triton_works", lambda: True)
    on_cuda = SimpleNamespace(is_cuda=True, shape=(2, 2, 8, 8), numel=lambda: 256)
    torch.use_deterministic_algorithms(ordered)
    try:
        assert dense.use_fused_kernels(on_cuda, settings) == expected
    finally:
        torch.use_deterministic_algorithms(False)
    too_large = SimpleNamespace(is_cuda=True, shape=(1, 1, 2**16, 2**15), numel=lambda: 2**31)
    assert not dense.use_fused_kernels(too_large, settings)
