import pytest
import torch
import torch.nn.functional as F
from lesion_examples import example

from medabl.losses import CrossEntropyLoss

FLAGS = {"to_onehot_y": True, "softmax": True}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore_index", [None, 1, 255])
@pytest.mark.parametrize(("classes", "spatial"), [(2, (9, 11)), (4, (5, 6, 7))])
def test_equals_pytorchs(classes, spatial, ignore_index, reduction):
    logits, labels = example(0, classes, spatial)
    if ignore_index == 255:
        labels[:, :, 1:3] = 255
    loss = CrossEntropyLoss(**FLAGS, ignore_index=ignore_index, reduction=reduction)
    pytorchs = {} if ignore_index is None else {"ignore_index": ignore_index}
    expected = F.cross_entropy(logits, labels[:, 0], reduction=reduction, **pytorchs)
    value = loss(logits, labels)
    torch.testing.assert_close(value[:, 0] if reduction == "none" else value, expected)


def test_one_channel_and_one_hot_and_probabilities():
    logits, labels = example(1, 1)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    expected = F.binary_cross_entropy_with_logits(logits, labels.double())
    torch.testing.assert_close(CrossEntropyLoss(sigmoid=True)(logits, labels), expected)
    torch.testing.assert_close(CrossEntropyLoss()(logits.sigmoid(), labels), expected)
    torch.testing.assert_close(CrossEntropyLoss(**FLAGS)(pair, labels), expected)
    one_hot = torch.cat([1 - labels, labels], 1)
    torch.testing.assert_close(CrossEntropyLoss(softmax=True)(pair, one_hot), expected)


def test_all_ignored_is_zero_with_a_gradient_of_zeros():
    logits, labels = example(2)
    loss = CrossEntropyLoss(**FLAGS, ignore_index=255)
    value = loss(logits.requires_grad_(), torch.full_like(labels, 255))
    value.backward()
    assert value == 0
    assert not logits.grad.any()


def test_gradcheck():
    logits, labels = example(3, 3, (4, 5))
    loss = CrossEntropyLoss(**FLAGS)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), logits.requires_grad_())


def test_a_label_without_channel_is_named():
    logits, labels = example(4)
    labels[0, 0, 0, 0] = 2
    with pytest.raises(ValueError, match="target holds the label 2, but input has 2 channels"):
        CrossEntropyLoss(**FLAGS)(logits, labels)
