"""The distance transform as an operator: compiled, in a CUDA graph, without waiting for CUDA."""

import numpy as np
import pytest
import torch
from test_distance_transform import DEVICES, noise, scipy_edt

from medabl.geometry import distance_transform_edt


@pytest.mark.parametrize("device", DEVICES)
def test_compiles_without_graph_break(device):
    def weights(labels):
        return distance_transform_edt(labels == 1, (2.0, 1.0)).clamp(max=3.0) / 3.0

    labels = torch.from_numpy(noise((2, 1, 9, 11), 0.9).astype(np.int64)).to(device)
    compiled = torch.compile(weights, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(labels), weights(labels))


def test_operator_keeps_pytorch_s_contract():
    mask = torch.from_numpy(noise((2, 1, 9, 11), 0.9))
    torch.library.opcheck(torch.ops.medabl.distance_transform_edt.default, (mask, [1.0, 2.0]))
    labels = mask[:, :1].long()
    for ignored in (None, 1):
        arguments = (labels, [1.0, 2.0], ignored)
        torch.library.opcheck(torch.ops.medabl.boundary_distance.default, arguments)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_runs_inside_a_cuda_graph():
    mask = torch.from_numpy(noise((2, 2, 65, 70), 0.99)).cuda()
    distance_transform_edt(mask)  # compiles the kernels: not allowed under capture
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        distance = distance_transform_edt(mask)
    other = noise((2, 2, 65, 70), 0.9)
    mask.copy_(torch.from_numpy(other))
    graph.replay()
    np.testing.assert_allclose(distance.cpu().numpy(), scipy_edt(other), rtol=1e-5)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_never_waits_for_the_device():
    mask = torch.from_numpy(noise((2, 2, 65, 70), 0.99)).cuda()
    distance_transform_edt(mask)
    torch.cuda.set_sync_debug_mode("error")
    try:
        distance_transform_edt(mask)
    finally:
        torch.cuda.set_sync_debug_mode("default")
