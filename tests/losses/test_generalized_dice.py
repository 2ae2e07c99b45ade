import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_predictions import unrelated

from medabl.losses import GeneralizedDiceLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def slow_loss(probs, labels, classes):
    losses = []
    for image, label in zip(probs, labels, strict=True):
        overlap = total = 0.0
        for c in classes:
            inside = [int(value == c) for value in label.flatten().tolist()]
            p = image[c].flatten().tolist()
            weight = 1 / (sum(inside) + 1e-10) ** 2
            overlap += weight * sum(a * b for a, b in zip(p, inside, strict=True))
            total += weight * (sum(p) + sum(inside))
        losses.append(1 - 2 * (overlap + 1e-10) / (total + 1e-10))
    return sum(losses) / len(losses)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(2, 4),
    st.lists(st.integers(1, 5), min_size=2, max_size=3),
    st.booleans(),
)
def test_equals_loops_over_pixels(seed, classes, spatial, include_background):
    logits, labels = unrelated(seed, classes, spatial)
    loss = GeneralizedDiceLoss(**FLAGS, include_background=include_background)
    kept = range(0 if include_background else 1, classes)
    expected = slow_loss(logits.softmax(1), labels, kept)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_equals_monai_where_no_class_is_absent():
    losses = pytest.importorskip("monai.losses")
    logits, labels = unrelated(0, 3, (8, 9))
    monai = losses.GeneralizedDiceLoss(**FLAGS, smooth_nr=1e-10, smooth_dr=1e-10)
    torch.testing.assert_close(
        GeneralizedDiceLoss(**FLAGS)(logits, labels), monai(logits, labels), rtol=1e-6, atol=0
    )


def test_absent_class_leaves_almost_no_gradient():
    logits, labels = unrelated(1, 2, (8, 8))
    logits.requires_grad_()
    loss = GeneralizedDiceLoss(**FLAGS)
    norms = {}
    for name, target in (("present", labels), ("absent", torch.zeros_like(labels))):
        (gradient,) = torch.autograd.grad(loss(logits, target), logits)
        norms[name] = gradient.norm().item()
    assert loss(logits, torch.zeros_like(labels)).item() == pytest.approx(1)
    assert 0 <= norms["absent"] < 1e-9 * norms["present"]


def test_perfect_prediction_is_zero():
    _, labels = unrelated(2, 3, (8, 8))
    one_hot = torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1)
    assert GeneralizedDiceLoss()(one_hot, one_hot).item() == pytest.approx(0, abs=1e-6)


def test_reductions_flips_and_class_order():
    logits, labels = unrelated(3, 3, (6, 7))
    value = GeneralizedDiceLoss(**FLAGS)(logits, labels)
    each = GeneralizedDiceLoss(**FLAGS, reduction="none")(logits, labels)
    assert each.shape == (2,)
    torch.testing.assert_close(each.mean(), value)
    total = GeneralizedDiceLoss(**FLAGS, reduction="sum")(logits, labels)
    torch.testing.assert_close(total, each.sum())
    torch.testing.assert_close(GeneralizedDiceLoss(**FLAGS)(logits[:1], labels[:1]), each[0])
    flipped = GeneralizedDiceLoss(**FLAGS)(logits.flip(3), labels.flip(3))
    torch.testing.assert_close(flipped, value)
    order = torch.tensor([1, 2, 0])
    permuted = GeneralizedDiceLoss(**FLAGS)(logits[:, order], order.argsort()[labels])
    torch.testing.assert_close(permuted, value)


def test_gradcheck_and_compile():
    logits, labels = unrelated(4, 3, (4, 5))
    loss = GeneralizedDiceLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.clone().requires_grad_())
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels), loss(logits, labels))


@pytest.mark.parametrize("value", [0.0, 1e4])
def test_half_precision_of_a_large_image_stays_finite(value):
    logits = torch.full((1, 2, 300, 300), value, dtype=torch.float16)
    logits[:, 0] *= -1
    labels = torch.zeros(1, 1, 300, 300)
    labels[..., 100:, :] = 1
    logits.requires_grad_()
    loss = GeneralizedDiceLoss(**FLAGS)(logits, labels)
    loss.backward()
    assert 0 < loss.item() < 1
    assert logits.grad.isfinite().all()
