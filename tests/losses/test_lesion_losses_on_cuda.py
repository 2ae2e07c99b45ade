"""The losses that count lesions on a GPU: they agree with the CPU and, given a map, never wait."""

import pytest
import torch
from lesion_examples import example

from medabl.geometry import component_sizes, connected_components, nearest_component
from medabl.losses import CCDiceCELoss, ComponentTverskyLoss

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

FLAGS = {"to_onehot_y": True, "softmax": True}
LOSSES = {
    "cell_map": CCDiceCELoss(**FLAGS),
    "predicted cells": CCDiceCELoss(**FLAGS, predicted_cells=True),
    "size_map": ComponentTverskyLoss(**FLAGS),
}


def lesion_map(name, labels):
    lesions = connected_components(torch.cat([labels == 1, labels == 2], 1))
    return component_sizes(lesions) if name == "size_map" else nearest_component(lesions)


def run(loss, logits, labels, **maps):
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, labels, **maps)
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("name", list(LOSSES))
def test_agrees_with_the_cpu(name):
    logits, labels = example(0, 3, (24, 30))
    value, gradient = run(LOSSES[name], logits.cuda(), labels.cuda())
    expected, expected_gradient = run(LOSSES[name], logits, labels)
    torch.testing.assert_close(value.cpu(), expected)
    torch.testing.assert_close(gradient.cpu(), expected_gradient)


@pytest.mark.parametrize("name", ["cell_map", "size_map"])
def test_never_waits_for_the_device_with_its_map_given(name):
    logits, labels = (tensor.cuda() for tensor in example(1, 3, (24, 30)))
    maps = {name: lesion_map(name, labels)}
    run(LOSSES[name], logits, labels, **maps)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run(LOSSES[name], logits, labels, **maps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
