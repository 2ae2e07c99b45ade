import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_predictions import unrelated
from torch.utils._python_dispatch import TorchDispatchMode

from medabl.losses import LovaszSoftmaxLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


def jaccard_loss(mispredicted, foreground):
    """1 - IoU of a class when exactly the pixels in `mispredicted` are wrong."""
    truth = {i for i, inside in enumerate(foreground) if inside}
    union = truth | mispredicted
    return 0.0 if not mispredicted else 1 - len(truth - mispredicted) / len(union)


def lovasz_extension(errors, foreground):
    """From the definition: errors downwards, each times the gain of its pixel."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    total, wrong = 0.0, set()
    for i in order:
        gain = jaccard_loss(wrong | {i}, foreground) - jaccard_loss(wrong, foreground)
        total += errors[i] * gain
        wrong.add(i)
    return total


def slow_loss(probs, labels, classes, ignore_index=None):
    """Mean over the classes, of images taken as one."""
    pixels = [
        (probs[b, :, y, x].tolist(), labels[b, 0, y, x].item())
        for b, y, x in itertools.product(*map(range, (len(probs), *probs.shape[2:])))
        if labels[b, 0, y, x] != ignore_index
    ]
    losses = []
    for c in range(probs.shape[1]):
        foreground = [label == c for _, label in pixels]
        if classes == "present" and not any(foreground):
            continue
        errors = [abs(inside - p[c]) for (p, _), inside in zip(pixels, foreground, strict=True)]
        losses.append(lovasz_extension(errors, foreground))
    return sum(losses) / len(losses) if losses else 0.0


def example(seed, classes, spatial):
    logits, labels = unrelated(seed, classes, spatial)
    labels[0][labels[0] == classes - 1] = 0
    return logits, labels


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(2, 4),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(["present", "all"]),
    st.booleans(),
    st.sampled_from([None, 1, 255]),
)
def test_equals_bermans_definition(seed, classes, size, which, per_image, ignore_index):
    logits, labels = example(seed, classes, size)
    if ignore_index == 255:
        labels[:, :, 0, 0] = 255
    loss = LovaszSoftmaxLoss(**FLAGS, classes=which, per_image=per_image, ignore_index=ignore_index)
    probs = logits.softmax(1)
    parts = [slice(0, 1), slice(1, 2)] if per_image else [slice(0, 2)]
    each = [slow_loss(probs[part], labels[part], which, ignore_index) for part in parts]
    expected = sum(each) / len(each)
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_is_the_jaccard_loss_of_a_hard_prediction():
    labels = torch.tensor([[[[0, 0, 1, 1, 1, 0]]]])
    predicted = torch.tensor([[[[0, 1, 1, 1, 0, 0]]]])
    probs = torch.nn.functional.one_hot(predicted[:, 0], 2).movedim(-1, 1).float()
    # IoU is 2/4 for both classes.
    assert LovaszSoftmaxLoss(to_onehot_y=True)(probs, labels).item() == pytest.approx(0.5)
    assert LovaszSoftmaxLoss(to_onehot_y=True)(1 - probs, labels).item() > 0.75


def test_one_hot_targets_background_and_single_channel():
    logits, labels = example(1, 3, (5, 6))
    one_hot = torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1)
    torch.testing.assert_close(
        LovaszSoftmaxLoss(softmax=True)(logits, one_hot), LovaszSoftmaxLoss(**FLAGS)(logits, labels)
    )
    binary, truth = logits[:, :1], (labels > 0).long()
    pair = torch.cat([torch.zeros_like(binary), binary], 1)
    torch.testing.assert_close(
        LovaszSoftmaxLoss(sigmoid=True)(binary, truth),
        LovaszSoftmaxLoss(**FLAGS, include_background=False)(pair, truth),
    )


def test_flips_and_class_order_change_nothing():
    logits, labels = example(2, 3, (5, 6))
    value = LovaszSoftmaxLoss(**FLAGS)(logits, labels)
    torch.testing.assert_close(LovaszSoftmaxLoss(**FLAGS)(logits.flip(3), labels.flip(3)), value)
    order = torch.tensor([2, 0, 1])
    permuted = LovaszSoftmaxLoss(**FLAGS)(logits[:, order], order.argsort()[labels])
    torch.testing.assert_close(permuted, value)


def test_per_image_is_the_images_one_by_one():
    logits, labels = example(3, 3, (5, 6))
    each = LovaszSoftmaxLoss(**FLAGS, per_image=True, reduction="none")(logits, labels)
    for i in range(2):
        alone = LovaszSoftmaxLoss(**FLAGS)(logits[i : i + 1], labels[i : i + 1])
        torch.testing.assert_close(each[i], alone)


def test_everything_ignored_is_a_zero_with_a_gradient():
    logits, labels = example(4, 3, (5, 6))
    logits.requires_grad_()
    loss = LovaszSoftmaxLoss(**FLAGS, ignore_index=255)(logits, torch.full_like(labels, 255))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_gradcheck_and_compile():
    logits, labels = example(5, 3, (4, 5))
    loss = LovaszSoftmaxLoss(**FLAGS, ignore_index=2)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.clone().requires_grad_())
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels), loss(logits, labels))


def test_refuses_unknown_classes():
    with pytest.raises(ValueError, match="classes must be one of present, all"):
        LovaszSoftmaxLoss(classes="some")


def test_gradient_of_a_large_image_is_exact_in_float32():
    generator = torch.Generator().manual_seed(0)
    # Errors that float32 holds exactly and no two of which are equal, so that their order, on which
    # the gradient hangs, is the same in float64.
    voxels = 2**20
    foreground = (torch.randperm(voxels, generator=generator).double() + 0.25) / voxels
    probs = torch.stack([1 - foreground, foreground]).view(1, 2, 1024, 1024)
    labels = (torch.rand(1, 1, 1024, 1024, generator=generator) < 0.3).long()
    gradients = []
    for values in (probs.float(), probs):
        values.requires_grad_()
        LovaszSoftmaxLoss(to_onehot_y=True)(values, labels).backward()
        gradients.append(values.grad.double())
    single, double = gradients
    assert (single - double).norm() < 1e-6 * double.norm()
    assert (single - double).abs().max() < 1e-6 * double.abs().max()


class RefuseFloatCumsum(TorchDispatchMode):
    """As CUDA does in deterministic mode."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.cumsum.default:
            assert not args[0].is_floating_point()
        return func(*args, **(kwargs or {}))


def test_adds_up_no_floats_in_a_row():
    logits, labels = example(6, 3, (5, 6))
    logits.requires_grad_()
    with RefuseFloatCumsum():
        LovaszSoftmaxLoss(**FLAGS)(logits, labels).backward()
