"""The CUDA kernels, without a GPU: run by Triton's interpreter, and compiled for real chips."""

import itertools
import os
import subprocess
import sys

import pytest
import torch

from medabl.geometry import boundary_distance
from medabl.losses.active_boundary.reference import active_boundary_reference
from medabl.losses.active_boundary.settings import Settings

triton = pytest.importorskip("triton", reason="Triton is not installed")

# The interpreter is chosen while the kernels are being defined, hence a process of its own.
INTERPRETED = """
import sys
import torch
from medabl.losses.active_boundary import kernels
from medabl.losses.active_boundary.settings import Settings

kernels._SCORE_BLOCK, kernels._LOSS_TILE = 64, 1024
cases = torch.load(sys.argv[1])
results = {
    name: kernels.active_boundary_triton(*tensors, Settings(*options))
    for name, (*tensors, options) in cases.items()
}
torch.save(results, sys.argv[2])
"""


def make_cases():
    cases = {}
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 9, 11), (2, 9, 11), (4, 8, 9), (3, 1, 7), (3, 4, 5, 3)]
    for shape, detach, released in itertools.product(shapes, [True, False], [False, True]):
        if released and len(shape) == 4:
            continue
        logits = torch.randn(2, *shape, generator=generator) * 3
        labels = torch.zeros(2, 1, *shape[1:])
        labels[0, ..., : shape[-1] // 2] = 1
        labels[1, :, shape[1] // 2 :] = 1
        distance = boundary_distance(labels)[:, 0]
        valid = torch.rand(distance.shape, generator=generator) > 0.1
        options = (0.1, 3.0, 0.2, detach, released)
        cases[f"{shape}, {detach}, {released}"] = (logits, distance, None, options)
        if not released and detach:
            cases[f"{shape}, {detach}, ignored"] = (logits, distance, valid, options)
            # Divergences of 1e4 leave float32 too few digits to be compared.
            tied = torch.zeros_like(logits, dtype=torch.float64)
            tied[:, -1, ..., shape[-1] // 2 :] = 6
            tied[1, 0, 0, 0] = torch.inf
            cases[f"{shape}, {detach}, tied and infinite"] = (tied, distance, None, options)
            lost = logits.clone()
            lost[0, 0, 0, -1] = torch.nan
            cases[f"{shape}, {detach}, one image diverged"] = (lost, distance, None, options)
    return cases


CASES = make_cases()


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interpreted")
    torch.save(CASES, folder / "cases.pt")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", INTERPRETED, folder / "cases.pt", folder / "results.pt"]
    subprocess.run(command, check=True, env=environment)
    return torch.load(folder / "results.pt")


@pytest.mark.parametrize("name", list(CASES))
def test_kernels_equal_the_reference(name, interpreted):
    assert_equals_reference(CASES[name], *interpreted[name])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", list(CASES))
def test_kernels_on_a_device_equal_the_reference(name):
    from medabl.losses.active_boundary.kernels import active_boundary_triton

    *tensors, options = CASES[name]
    tensors = [None if tensor is None else tensor.cuda() for tensor in tensors]
    results = active_boundary_triton(*tensors, Settings(*options))
    assert_equals_reference(CASES[name], *(result.cpu() for result in results))


def assert_equals_reference(case, kernel_sums, kernel_counts, kernel_gradient):
    logits, distance, valid, options = case
    logits = logits.clone().requires_grad_()
    sums, counts = active_boundary_reference(logits, distance, valid, Settings(*options))
    (gradient,) = torch.autograd.grad(sums.sum(), logits)
    torch.testing.assert_close(kernel_sums, sums.detach(), rtol=1e-5, atol=1e-6, equal_nan=True)
    known = sums.isfinite()
    assert known[1]
    torch.testing.assert_close(kernel_counts[known], counts[known])
    # The reference passes no gradient on to a logit that it has replaced.
    kernel_gradient = kernel_gradient.where(logits.isfinite(), 0)
    torch.testing.assert_close(kernel_gradient[known], gradient[known], rtol=1e-4, atol=1e-6)


def test_some_cases_have_something_to_compare(interpreted):
    assert sum((counts > 0).sum().item() for _, counts, _ in interpreted.values()) > 10


# Three channels of 2^30 voxels: the last one begins 2^31 values from the first. Only the pages that
# are touched take memory.
VOLUMINOUS = """
import mmap
import torch
import triton
from medabl.geometry.neighbors import neighbor_offsets
from medabl.losses.active_boundary import kernels

def lazy(count, dtype):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE on Linux
    size = count * torch.empty(0, dtype=dtype).element_size()
    return torch.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=dtype)

sides, block = (2**10, 2**10, 2**10), 32
voxels = 2**30
small = torch.randn(3, 2, 2, block, generator=torch.Generator().manual_seed(0)).log_softmax(0)
log_probs = lazy(3 * voxels, torch.float32)
log_probs.view(3, *sides)[:, :2, :2, :block] = small
distance, boundary = lazy(voxels, torch.float32), lazy(voxels, torch.uint8)
distance.view(sides)[:2, :2, :block] = torch.arange(1, block + 1)
valid = lazy(voxels, torch.uint8)
valid.view(sides)[:2, :2, :block] = 1
boundary[:block] = 1
gradient, score = lazy(3 * voxels, torch.float32), torch.empty(block)
values, counted = torch.empty(block), torch.empty(block, dtype=torch.uint8)
sizes = (block, 3, voxels, *sides)
kernels._score_kernel[(1,)](log_probs, valid, score, *sizes, SUM_AXES=False, BLOCK=block)
offsets = neighbor_offsets(3)
steps = [kernels._packed([offset[axis] for offset in offsets]) for axis in range(3)]
kernels._loss_kernel[(1,)](
    log_probs, distance, valid, boundary, values, counted, gradient, *sizes, *steps,
    0.8, 0.2 / 25, 20.0, 3, NEIGHBORS=26, COLUMNS=32, ROWS=block, RELEASED=False, DETACH=True,
)
torch.save(
    (small, score, counted, gradient.view(3, *sides)[:, 0, 0, :block].clone()), "results.pt"
)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for memory it never touches")
def test_channels_further_apart_than_32_bits_reach(tmp_path):
    subprocess.run(
        [sys.executable, "-c", VOLUMINOUS],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
    )
    small, score, counted, gradient = torch.load(tmp_path / "results.pt")
    logits = small[None].requires_grad_()
    distance = torch.arange(1.0, 33).expand(1, 2, 2, 32)
    # All of the small image is its own boundary, of which the kernel took the first line.
    sums, _ = active_boundary_reference(
        logits, distance, None, Settings(1.0, 20.0, 0.2, True, False)
    )
    (expected,) = torch.autograd.grad(sums.sum(), logits)
    forward = [small.narrow(axis, 0, 1 if axis < 3 else 31) for axis in (1, 2, 3)]
    ahead = [small.narrow(axis, 1, 1 if axis < 3 else 31) for axis in (1, 2, 3)]
    divergence = [(p.exp() * (p - q)).sum(0) for p, q in zip(forward, ahead, strict=True)]
    largest = torch.maximum(divergence[0][0, 0], divergence[1][0, 0])
    largest[:31] = largest[:31].maximum(divergence[2][0, 0])
    torch.testing.assert_close(score, largest)
    assert counted.bool().all()
    # The last voxel of the line has further neighbours in the large image.
    torch.testing.assert_close(gradient[:, :31], expected[0, :, 0, 0, :31], rtol=1e-4, atol=1e-6)


SIZES = dict.fromkeys(["total", "channels", "voxels", "height", "width", "depth"], "i32")


@pytest.mark.parametrize(("dims", "capability"), [(2, 90), (3, 80)])
def test_kernels_compile_for_real_chips(dims, capability, tmp_path, monkeypatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from medabl.losses.active_boundary import kernels

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    # A launch turns sizes of 1 into constants: the depth of a plane.
    flat = {"depth": "constexpr"} if dims == 2 else {}
    one = {"depth": 1} if dims == 2 else {}
    pointers = {"log_probs_ptr": "*fp32", "valid_ptr": "*u8", "score_ptr": "*fp32"}
    constants = {"SUM_AXES": "constexpr", "BLOCK": "constexpr"}
    sources = [
        ASTSource(
            fn=kernels._score_kernel,
            signature=pointers | SIZES | flat | constants,
            constexprs={"SUM_AXES": released, "BLOCK": 512} | one,
        )
        for released in (False, True)[: 4 - dims]
    ]
    pointers = {
        "log_probs_ptr": "*fp32",
        "distance_ptr": "*fp32",
        "valid_ptr": "*u8",
        "boundary_ptr": "*u8",
        "values_ptr": "*fp32",
        "counted_ptr": "*u8",
        "gradient_ptr": "*fp32",
    }
    steps = dict.fromkeys(["steps_y", "steps_x", "steps_z"], "i32" if dims == 2 else "i64")
    numbers = dict.fromkeys(["chosen", "rest", "max_distance"], "fp32")
    names = ["NEIGHBORS", "COLUMNS", "ROWS", "RELEASED", "DETACH"]
    sources += [
        ASTSource(
            fn=kernels._loss_kernel,
            signature=pointers
            | SIZES
            | flat
            | steps
            | numbers
            | {"gradient_channels": "i32"}
            | dict.fromkeys(names, "constexpr"),
            constexprs=dict(zip(names, tile, strict=False))
            | {"RELEASED": released, "DETACH": detach}
            | one,
        )
        for tile in ([(8, 8, 64)] if dims == 2 else [(26, 32, 16)])
        for released, detach in [(False, True), (True, False)]
    ]
    for source in sources:
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        assert f"sm_{capability}" in compiled.asm["ptx"]
        assert compiled.asm["cubin"].startswith(b"\x7fELF")
