"""The active boundary loss where there is nothing to do, little precision, or a mistake."""

import pytest
import torch
from random_predictions import FLAGS, gradient_of, labels_like, noise

from medabl.geometry import boundary_distance
from medabl.losses import ActiveBoundaryLoss
from medabl.losses.active_boundary import op
from medabl.losses.active_boundary.settings import Settings

NOTHING = {
    "no true boundary": lambda labels: torch.zeros_like(labels),
    "everything on the true boundary": lambda labels: (
        (torch.arange(labels.shape[2])[:, None] + torch.arange(labels.shape[3]))
        .remainder(2)[None, None]
        .expand_as(labels)
    ),
    "everything ignored": lambda labels: torch.full_like(labels, 255),
}


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("why", list(NOTHING))
def test_nothing_to_do_is_a_zero_with_a_gradient(why, variant):
    logits = noise(0, 2, 3, 20, 20, dtype=torch.float32)
    labels = NOTHING[why](labels_like(logits, 1))
    distance = None
    if why == "everything on the true boundary":
        distance = torch.zeros(labels.shape)
    loss = ActiveBoundaryLoss(**FLAGS, ignore_index=255, variant=variant)
    value, gradient = gradient_of(loss, logits, labels, distance_map=distance)
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("scale", [0.0, 1e4])
@pytest.mark.parametrize("shape", [(2, 2, 16, 16), (2, 5, 16, 16), (1, 2, 1, 1), (1, 3, 1, 9)])
def test_extreme_and_constant_logits_stay_finite(shape, scale, variant):
    logits = noise(0, *shape, dtype=torch.float32) * scale
    labels = torch.zeros(shape[0], 1, *shape[2:])
    labels[..., : shape[-1] // 2] = 1
    loss = ActiveBoundaryLoss(**FLAGS, max_boundary_ratio=0.5, variant=variant)
    value, gradient = gradient_of(loss, logits, labels)
    assert value.isfinite()
    assert gradient.isfinite().all()
    if scale == 0:
        assert value == 0
    elif shape[2] == 16:
        double, double_gradient = gradient_of(loss, logits.double(), labels)
        torch.testing.assert_close(value.double(), double, rtol=1e-5, atol=0)
        torch.testing.assert_close(gradient.double(), double_gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("classes", [2, 4])
def test_half_precision_agrees_with_float32(classes, dtype):
    features = noise(0, 2, 3, 24, 24, dtype=torch.float32)
    head = torch.nn.Conv2d(3, classes, 1)
    labels = labels_like(features, 1) % 2
    loss = ActiveBoundaryLoss(**FLAGS)
    with torch.autocast("cpu", dtype=dtype):
        logits = head(features)
        assert logits.dtype == dtype
        value, gradient = gradient_of(loss, logits, labels)
    expected, expected_gradient = gradient_of(loss, logits.float(), labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)
    assert gradient.dtype == dtype
    assert gradient.abs().max() > 0
    torch.testing.assert_close(gradient, expected_gradient.to(dtype))


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_compiles_without_graph_breaks(channels, variant):
    logits = noise(0, 2, channels, 20, 20, dtype=torch.float32)
    labels = labels_like(logits, 1)
    flags = {"sigmoid": True} if channels == 1 else FLAGS
    loss = ActiveBoundaryLoss(**flags, variant=variant, ignore_index=255)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected, expected_gradient = gradient_of(loss, logits, labels)
    value, gradient = gradient_of(compiled, logits, labels)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("released", [False, True])
def test_operators_keep_their_promises(channels, released):
    logits = noise(0, 2, channels, 12, 12).requires_grad_()
    distance = boundary_distance(labels_like(logits, 1))[:, 0]
    settings = Settings(0.05, 20.0, 0.2, False, released)
    torch.library.opcheck(
        torch.ops.medabl.active_boundary_sparse.default,
        (logits, distance, None, *settings),
        # The sparse gradient is only as long as it says, the rest of its memory holds anything.
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_second_derivative_is_refused_in_words(kind, monkeypatch):
    monkeypatch.setattr(op, "needs_static_shapes", lambda logits: kind == "dense")
    logits = noise(0, 2, 3, 12, 12).requires_grad_()
    loss = ActiveBoundaryLoss(**FLAGS)(logits, labels_like(logits, 1))
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    with pytest.raises(RuntimeError, match="ActiveBoundaryLoss has no second derivative"):
        gradient.square().sum().backward()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"softmax": True, "sigmoid": True}, "more than 1 of"),
        ({"variant": "other"}, "variant must be one of paper, released"),
        ({"variant": "released", "reduction": "sum"}, 'reduction="mean" only'),
        ({"reduction": "median"}, "reduction must be one of"),
        ({"max_boundary_ratio": 0.0}, "max_boundary_ratio must be in"),
        ({"max_distance": 0.0}, "max_distance must be positive"),
        ({"label_smoothing": 1.0}, "label_smoothing must be in"),
    ],
)
def test_refuses_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        ActiveBoundaryLoss(**options)


@pytest.mark.parametrize(
    ("options", "shapes", "message"),
    [
        (FLAGS, [(2, 3, 8), (2, 1, 8)], "input must have the shape"),
        (FLAGS, [(2, 3, 8, 8), (2, 1, 8, 9)], r"target must have the shape \(2, 1, 8, 8\)"),
        ({"softmax": True}, [(2, 3, 8, 8), (2, 1, 8, 8)], "labels need to_onehot_y=True"),
        (
            {"sigmoid": True, "to_onehot_y": True},
            [(2, 3, 8, 8), (2, 1, 8, 8)],
            "leave to_onehot_y out, or use softmax=True",
        ),
        (
            {"sigmoid": True},
            [(2, 3, 8, 8), (2, 3, 8, 8), (2, 1, 8, 8)],
            r"distance_map must have the shape \(2, 3, 8, 8\), a map for each region",
        ),
        (FLAGS, [(2, 3, 8, 8), (2, 1, 8, 8), (2, 8, 8)], "distance_map must have the shape"),
        (
            {**FLAGS, "variant": "released"},
            [(2, 3, 8, 8, 8), (2, 1, 8, 8, 8)],
            "2D only",
        ),
    ],
)
def test_refuses_shapes_that_do_not_go_together(options, shapes, message):
    loss = ActiveBoundaryLoss(**options)
    with pytest.raises(ValueError, match=message):
        loss(*[torch.zeros(shape) for shape in shapes])


def test_flags_without_meaning_for_one_channel_warn():
    logits, labels = torch.full((1, 1, 4, 4), 0.5), torch.zeros(1, 1, 4, 4)
    with pytest.warns(UserWarning, match="`softmax=True` ignored"):
        ActiveBoundaryLoss(softmax=True)(logits, labels)
    with pytest.warns(UserWarning, match="`to_onehot_y=True` ignored"):
        ActiveBoundaryLoss(to_onehot_y=True)(logits, labels)


def test_takes_monais_tensors():
    meta = pytest.importorskip("monai.data").MetaTensor
    logits = noise(0, 2, 3, 20, 20)
    labels = labels_like(logits, 1)
    loss = ActiveBoundaryLoss(**FLAGS)
    expected, expected_gradient = gradient_of(loss, logits, labels)
    weight = logits.clone().requires_grad_()
    value = loss(meta(torch.ones(1)) * weight, meta(labels))
    value.backward()
    assert value.item() == expected.item()
    torch.testing.assert_close(weight.grad, expected_gradient)
