"""What only a GPU can show: agreement with the CPU, CUDA graphs, no waiting for the device."""

import pytest
import torch

from medabl.geometry import boundary_distance, signed_distance
from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    GeneralizedDiceLoss,
    LovaszSoftmaxLoss,
    RegionWiseLoss,
)
from medabl.losses.active_boundary.settings import Settings
from medabl.losses.active_boundary.terms import active_boundary_terms

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

FLAGS = {"to_onehot_y": True, "softmax": True}
LOSSES = {
    "ABL": ActiveBoundaryLoss(**FLAGS),
    "ABL, neighbours attached": ActiveBoundaryLoss(**FLAGS, detach_neighbors=False),
    "ABL, ignoring": ActiveBoundaryLoss(**FLAGS, ignore_index=255),
    "ABL released": ActiveBoundaryLoss(**FLAGS, variant="released"),
    "BL": BoundaryLoss(**FLAGS),
    "GDL": GeneralizedDiceLoss(**FLAGS),
    "Lovasz": LovaszSoftmaxLoss(**FLAGS),
    "RRW": RegionWiseLoss(**FLAGS),
    "GDL + ABL": AlphaScheduledLoss(
        GeneralizedDiceLoss(**FLAGS), ActiveBoundaryLoss(**FLAGS), alpha_start=0.5
    ).cuda()
    if torch.cuda.is_available()
    else None,
}


def example(classes, seed=0, spatial=(64, 48)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, *spatial, generator=generator)
    labels = torch.zeros(2, 1, *spatial, dtype=torch.long)
    labels[0, :, 10:30, 5:25] = 1
    labels[1, :, 20:, 20:] = classes - 1
    return logits, labels


def run(loss, logits, labels, **others):
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, labels, **others)
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", list(LOSSES))
def test_agrees_with_the_cpu(name, classes):
    logits, labels = example(classes)
    value, gradient = run(LOSSES[name], logits.cuda(), labels.cuda())
    expected, expected_gradient = run(LOSSES[name].cpu(), logits, labels)
    LOSSES[name].cuda()
    torch.testing.assert_close(value.cpu(), expected, rtol=1e-5, atol=0)
    if name == "Lovasz":
        # Errors that differ in their last bit may change places, and their voxels gradients.
        assert (gradient.cpu() - expected_gradient).norm() < 1e-3 * expected_gradient.norm()
        return
    scale = expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient.cpu(), expected_gradient, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("classes", [2, 4])
def test_volume_agrees_with_the_cpu(classes):
    logits, labels = example(classes, spatial=(32, 30, 9))
    value, gradient = run(LOSSES["ABL"], logits.cuda(), labels.cuda())
    expected, expected_gradient = run(LOSSES["ABL"], logits, labels)
    torch.testing.assert_close(value.cpu(), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient.cpu(), expected_gradient, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("channels", [1, 4])
def test_path_without_triton_agrees_with_the_cpu(channels, released):
    logits, labels = example(max(channels, 2))
    logits = logits[:, :channels].contiguous()
    distance = boundary_distance(labels)[:, 0]
    settings = Settings(0.01, 20.0, 0.2, True, released)
    terms = active_boundary_terms(logits.cuda(), distance.cuda(), None, settings, static=True)
    expected = active_boundary_terms(logits, distance, None, settings, static=False)
    torch.testing.assert_close(terms.counts.cpu(), expected.counts)
    torch.testing.assert_close(terms.sums.cpu(), expected.sums, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        terms.columns.sum(1).cpu(),
        expected.columns[:, : expected.used].sum(1),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", list(LOSSES))
def test_runs_inside_a_cuda_graph(name, classes):
    loss = LOSSES[name]
    logits, labels = (tensor.cuda() for tensor in example(classes))
    logits.requires_grad_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            loss(logits, labels).backward()
    torch.cuda.current_stream().wait_stream(side)
    logits.grad = None
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = loss(logits, labels)
        value.backward()
    other, _ = example(classes, seed=1)
    with torch.no_grad():
        logits.copy_(other)
    graph.replay()
    expected, expected_gradient = run(loss, other.cuda(), labels)
    torch.testing.assert_close(value.detach(), expected)
    torch.testing.assert_close(logits.grad, expected_gradient)


@pytest.mark.parametrize("given_map", [False, True])
@pytest.mark.parametrize("name", ["ABL", "ABL, ignoring", "ABL released", "BL", "GDL + ABL"])
def test_never_waits_for_the_device(name, given_map):
    logits, labels = (tensor.cuda() for tensor in example(4))
    others = {}
    if given_map:
        one_hot = torch.zeros_like(logits).scatter_(1, labels, 1)
        distance = signed_distance(one_hot) if name == "BL" else boundary_distance(labels)
        others = {"distance_map": distance}
    run(LOSSES[name], logits, labels, **others)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run(LOSSES[name], logits, labels, **others)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["ABL", "ABL released", "BL"])
def test_compiles_without_graph_breaks(name):
    logits, labels = (tensor.cuda() for tensor in example(4))
    compiled = torch.compile(LOSSES[name], fullgraph=True)
    value, gradient = run(compiled, logits, labels)
    expected, expected_gradient = run(LOSSES[name], logits, labels)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="no second CUDA device")
@pytest.mark.parametrize("name", list(LOSSES))
def test_second_device_gives_what_the_first_gives(name):
    logits, labels = example(2)
    expected, expected_gradient = run(LOSSES[name], logits.cuda(0), labels.cuda(0))
    assert torch.cuda.current_device() == 0
    value, gradient = run(LOSSES[name].to("cuda:1"), logits.to("cuda:1"), labels.to("cuda:1"))
    LOSSES[name].cuda()
    assert value.device == gradient.device == torch.device("cuda:1")
    torch.testing.assert_close(value.cpu(), expected.cpu())
    torch.testing.assert_close(gradient.cpu(), expected_gradient.cpu(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_agrees_with_float32(dtype):
    logits, labels = (tensor.cuda() for tensor in example(4))
    with torch.autocast("cuda", dtype=dtype):
        value, gradient = run(LOSSES["ABL"], logits.to(dtype), labels)
    expected, expected_gradient = run(LOSSES["ABL"], logits.to(dtype).float(), labels)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, expected_gradient.to(dtype))


@pytest.mark.parametrize("name", list(LOSSES))
def test_deterministic_mode_gives_the_same_gradient_twice(name):
    logits, labels = (tensor.cuda() for tensor in example(4))
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (run(LOSSES[name], logits, labels) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_a_strange_label_is_named():
    logits, labels = (tensor.cuda() for tensor in example(2))
    labels[0, 0, 0, 0] = 255
    with pytest.raises(ValueError, match="label 255"):
        GeneralizedDiceLoss(**FLAGS)(logits, labels)
