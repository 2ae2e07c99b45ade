import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_predictions import unrelated
from slow_active_boundary import forward_neighbors, kl, pixels

from medabl.losses import FullKLLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def slow_loss(logits, labels, ignore_index=None):
    shape = labels.shape[2:]
    means = []
    for image, label in zip(torch.log_softmax(logits, 1), labels[:, 0], strict=True):
        values = []
        for pixel in pixels(shape):
            for other in forward_neighbors(pixel, shape):
                if ignore_index in (label[pixel].item(), label[other].item()):
                    continue
                d = kl(image[(slice(None), *pixel)], image[(slice(None), *other)]).item()
                differs = label[pixel] != label[other]
                values.append(math.log(1 + math.exp(-d if differs else d)))
        if values:
            means.append(sum(values) / len(values))
    return sum(means) / len(means) if means else 0.0


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(2, 4),
    st.lists(st.integers(1, 4), min_size=2, max_size=3),
    st.sampled_from([None, 1]),
)
def test_equals_loops_over_pixels(seed, classes, spatial, ignore_index):
    logits, labels = unrelated(seed, classes, spatial)
    loss = FullKLLoss(**FLAGS, ignore_index=ignore_index)
    expected = slow_loss(logits, labels, ignore_index)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_batch_is_its_images_and_class_order_does_not_matter():
    logits, labels = unrelated(0, 3, (5, 6))
    each = FullKLLoss(**FLAGS, reduction="none")(logits, labels)
    torch.testing.assert_close(FullKLLoss(**FLAGS)(logits, labels), each.mean())
    torch.testing.assert_close(FullKLLoss(**FLAGS)(logits[1:], labels[1:]), each[1])
    order = torch.tensor([2, 0, 1])
    permuted = FullKLLoss(**FLAGS)(logits[:, order], order.argsort()[labels])
    torch.testing.assert_close(permuted, each.mean())


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extreme_and_constant_logits_stay_finite(scale):
    logits, labels = unrelated(1, 3, (5, 6))
    logits = (logits.sign() * scale).float().requires_grad_()
    loss = FullKLLoss(**FLAGS)(logits, labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_gradcheck_and_compile():
    logits, labels = unrelated(2, 3, (4, 5))
    loss = FullKLLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.clone().requires_grad_())
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels), loss(logits, labels))
