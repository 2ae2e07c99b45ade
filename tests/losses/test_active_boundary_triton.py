"""The CUDA kernels, without a GPU: run by Triton's interpreter, and compiled for real chips."""

import itertools
import os
import random
import subprocess
import sys

import pytest
import torch
from reference_values import reference_values

from medabl.geometry import boundary_distance
from medabl.losses.active_boundary.settings import Settings

triton = pytest.importorskip("triton", reason="Triton is not installed")
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

# The interpreter is chosen while the kernels are being defined, hence a process of its own.
INTERPRETED = """
import sys
import torch
from medabl.losses.active_boundary import fused
from medabl.losses.active_boundary.settings import Settings

fused._SCORE_BLOCK, fused._COUNT_BLOCK, fused._LOSS_TILE, fused._SCALE_BLOCK = 64, 64, 64, 64
fused._NEIGHBOR_TILE = 256
cases = torch.load(sys.argv[1])
results = {}
for name, (logits, *tensors, options) in cases.items():
    values, weights, scales, gradient = fused.active_boundary_triton(
        logits, *tensors, Settings(*options)
    )
    above = torch.tensor([0.3, 0.7], dtype=values.dtype)
    gradient = fused.scaled_triton(above, values, scales, gradient, logits.shape[1])
    results[name] = (values, weights, scales, gradient)
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
    return cases | selection_cases(generator) | random_cases(generator)


def random_cases(generator):
    """Images of any size, with any options."""
    rng = random.Random(0)
    cases = {}
    for number in range(16):
        dims = 2 + number % 2
        sides = [rng.randint(2, (20, 7)[dims - 2]) for _ in range(dims)]
        released = dims == 2 and rng.random() < 0.3
        logits = torch.randn(2, rng.choice([1, 2, 2, 3, 5]), *sides, generator=generator) * 2
        labels = torch.randint(0, 2, (2, 1, *sides), generator=generator)
        distance = boundary_distance(labels, rng.uniform(0.5, 2))[:, 0]
        valid = torch.rand(distance.shape, generator=generator) > 0.2
        ratio, theta = rng.choice([0.01, 0.1, 0.5]), rng.uniform(1, 20)
        options = (ratio, theta, rng.choice([0.0, 0.2]), rng.random() < 0.6, released)
        known = valid if not released and rng.random() < 0.5 else None
        cases[f"random, {number}"] = (logits, distance, known, options)
    return cases


def selection_cases(generator):
    """What the choice of the largest divergences has to cope with, in float32."""
    labels = torch.zeros(2, 1, 12, 15)
    labels[..., 7:] = 1
    distance = boundary_distance(labels)[:, 0]
    step = torch.zeros(2, 1, 12, 15)
    step[0, ..., 9:] = 6  # one divergence, in a whole column
    step[1, :, ::2, ::2] = 6  # a few, in half of all voxels
    close = step + 1e-4 * torch.randn(step.shape, generator=generator)
    bent = torch.randn(2, 2, 12, 15, generator=generator).to(memory_format=torch.channels_last)
    huge = torch.randn(2, 1, 12, 15, generator=generator) * 1e3
    options = (0.05, 20.0, 0.2, True, False)
    return {
        "tied": (step, distance, None, options),
        "tied, few allowed": (step, distance, None, (0.001, *options[1:])),
        "tied, all allowed": (step, distance, None, (1.0, *options[1:])),
        "equal but for the last digits": (close, distance, None, options),
        "nothing anywhere": (torch.zeros(2, 2, 12, 15), distance, None, options),
        "hardly anything": (step * 1e-3, distance, None, options),
        "channels last": (bent, distance, None, options),
        "every other column": (bent.contiguous()[..., ::2], distance[..., ::2], None, options),
        "thousands": (huge, distance, None, options),
    }


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
    logits, distance, valid, options = CASES[name]
    logits = logits.cuda().requires_grad_()
    valid = None if valid is None else valid.cuda()
    values, weights, scales, _ = torch.ops.medabl.active_boundary_dense(
        logits, distance.cuda(), valid, *options
    )
    (gradient,) = torch.autograd.grad(values, logits, values.new_tensor([0.3, 0.7]))
    results = (values.detach(), weights, scales, gradient)
    assert_equals_reference(CASES[name], *(result.cpu() for result in results))


def assert_equals_reference(case, values, weights, scales, gradient):
    logits, distance, valid, options = case
    logits = logits.clone().requires_grad_()
    settings = Settings(*options)
    expected, expected_weights, counts = reference_values(logits, distance, valid, settings)
    above = torch.tensor([0.3, 0.7], dtype=logits.dtype)
    (expected_gradient,) = torch.autograd.grad(expected, logits, above)
    torch.testing.assert_close(values, expected.detach(), rtol=1e-5, atol=1e-6, equal_nan=True)
    known = expected.isfinite()
    assert known[1]
    torch.testing.assert_close(weights[known], expected_weights[known])
    count = torch.ones_like(counts) if settings.released else counts.clamp_min(1)
    torch.testing.assert_close(1 / scales[known], count[known].to(scales.dtype))
    # The reference passes no gradient on to a logit that it has replaced.
    gradient = gradient.where(logits.isfinite(), 0)[known]
    scale = expected_gradient[known].abs().max().item()
    torch.testing.assert_close(
        gradient, expected_gradient[known], rtol=1e-4, atol=1e-6 * max(scale, 0.1)
    )
    assert gradient.isfinite().all()


def test_most_cases_have_something_to_compare(interpreted):
    found = [(weights > 0).any().item() for _, weights, *_ in interpreted.values()]
    assert sum(found) > 0.8 * len(found)


# Three channels of 2^30 voxels: the last one begins 2^31 values from the first. Only the pages that
# are touched take memory.
VOLUMINOUS = """
import mmap
import torch
from medabl.geometry.neighbors import neighbor_offsets
from medabl.losses.active_boundary.fused import _packed, _ROW
from medabl.losses.active_boundary.kernels_loss import loss_kernel
from medabl.losses.active_boundary.kernels_score import score_kernel

def lazy(count, dtype):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE on Linux
    size = count * torch.empty(0, dtype=dtype).element_size()
    return torch.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=dtype)

sides, block = (2**10, 2**10, 2**10), 32
voxels = 2**30
small = torch.randn(3, 2, 2, block, generator=torch.Generator().manual_seed(0)).log_softmax(0)
log_probs = lazy(3 * voxels, torch.float32)
log_probs.view(3, *sides)[:, :2, :2, :block] = small
distance, marks = lazy(voxels, torch.float32), lazy(voxels, torch.float32)
distance.view(sides)[:2, :2, :block] = torch.arange(1, block + 1)
valid = lazy(voxels, torch.uint8)
valid.view(sides)[:2, :2, :block] = 1
marks[:block] = 1
gradient, score = lazy(3 * voxels, torch.float32), torch.empty(block)
counts = torch.zeros(1, _ROW, dtype=torch.int32)
sizes = (3 * voxels, voxels, 1, 3, voxels, *sides, 1)
options = {"BINARY": False, "PAIR": False, "HAS_VALID": True}
score_kernel[(1,)](log_probs, valid, score, counts, *sizes, 1e-5, SUM_AXES=False, COUNTED=False,
                   ROW=_ROW, BLOCK=block, **options)
offsets = neighbor_offsets(3)
steps = [_packed([offset[axis] for offset in offsets]) for axis in range(3)]
kept = torch.zeros(1, dtype=torch.int32)
loss_kernel[(1,)](
    log_probs, distance, valid, marks, torch.tensor([0.5]), torch.empty(block, dtype=torch.int16),
    torch.empty(1, dtype=torch.float64), kept, gradient, *sizes, *steps, 0.8, 0.2 / 25, 20.0,
    RELEASED=False, DETACH=True, FLAT=False, NEIGHBORS=26, COLUMNS=32, ROWS=8, TILE=block, **options
)
torch.save(
    (small, score, kept.item(), gradient.view(3, *sides)[:, 0, 0, :block].clone()), "results.pt"
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
    settings = Settings(1.0, 20.0, 0.2, True, False)
    values, _, counts = reference_values(logits, distance, None, settings)
    (expected,) = torch.autograd.grad(values * counts, logits)
    forward = [small.narrow(axis, 0, 1 if axis < 3 else 31) for axis in (1, 2, 3)]
    ahead = [small.narrow(axis, 1, 1 if axis < 3 else 31) for axis in (1, 2, 3)]
    divergence = [(p.exp() * (p - q)).sum(0) for p, q in zip(forward, ahead, strict=True)]
    largest = torch.maximum(divergence[0][0, 0], divergence[1][0, 0])
    largest[:31] = largest[:31].maximum(divergence[2][0, 0])
    torch.testing.assert_close(score, largest)
    assert counted == 32
    # The last voxel of the line has further neighbours in the large image.
    torch.testing.assert_close(gradient[:, :31], expected[0, :, 0, 0, :31], rtol=1e-4, atol=1e-6)


SIZES = ["channels", "voxels", "height", "width", "depth", "tiles"]
STRIDES = ["image_stride", "channel_stride", "voxel_stride"]


def source(fn, pointers, integers, floats, constants, ones=()):
    """A kernel with its types; a launch turns sizes of 1 into constants."""
    types = dict(pointers) | dict.fromkeys(integers, "i32") | dict.fromkeys(floats, "fp32")
    constants = dict(constants) | dict.fromkeys(ones, 1)
    names = [name for name in fn.arg_names if name not in constants]
    signature = {name: types.get(name, "constexpr") for name in fn.arg_names}
    assert all(name in types for name in names), names
    signature |= dict.fromkeys(constants, "constexpr")
    return ASTSource(fn=fn, signature=signature, constexprs=constants)


def sources(dims):
    from medabl.losses.active_boundary import kernels_finish, kernels_loss, kernels_score

    row = {"ROW": 4128}
    numbers = {"score_ptr": "*fp32", "counts_ptr": "*i32", "threshold_ptr": "*fp32"}
    flat = ["depth", "voxel_stride"] if dims == 2 else ["voxel_stride"]
    reads = {"values_ptr": "*fp32", "distance_ptr": "*fp32", "valid_ptr": "*u8"} | numbers
    loss_pointers = reads | {"listed_ptr": "*i16", "sums_ptr": "*fp64", "gradient_ptr": "*fp32"}
    steps = ["steps_y", "steps_x", "steps_z"]
    step_types = dict.fromkeys(steps, "i64" if dims == 3 else "i32")
    tile = {"NEIGHBORS": 8, "COLUMNS": 8, "ROWS": 64, "TILE": 1024, "FLAT": True}
    if dims == 3:
        tile = {"NEIGHBORS": 26, "COLUMNS": 32, "ROWS": 16, "TILE": 1024, "FLAT": False}
    for pair, released in itertools.product([True, False], [False, True][: 4 - dims]):
        kind = {"BINARY": pair, "PAIR": pair, "HAS_VALID": not pair and not released}
        ones = [*flat, "channels"] if pair else flat
        constants = {"SUM_AXES": released, "COUNTED": not released, "BLOCK": 512} | kind | row
        yield source(kernels_score.score_kernel, reads, SIZES + STRIDES, ["least"], constants, ones)
        constants = {"RELEASED": released, "DETACH": pair} | kind | tile
        numbers_ = ["chosen", "rest", "max_distance"]
        pointers = loss_pointers | step_types
        yield source(kernels_loss.loss_kernel, pointers, SIZES + STRIDES, numbers_, constants, ones)
    constants = {"RELEASED": dims == 3, "BLOCK": 1024} | row
    pointers = dict.fromkeys(["values_ptr", "scales_ptr"], "*fp32") | {
        "sums_ptr": "*fp64", "counts_ptr": "*i32", "flags_ptr": "*i32", "weights_ptr": "*i64",
    }  # fmt: skip
    yield source(kernels_finish.finish_kernel, pointers, ["tiles"], [], constants)
    names = ["gradient_ptr", "values_ptr", "scales_ptr", "above_ptr", "out_ptr"]
    integers = ["above_stride", "channels", "voxels", "tiles"]
    constants = {"PAIR": dims == 2, "BLOCK": 1024}
    yield source(
        kernels_finish.scale_kernel, dict.fromkeys(names, "*fp32"), integers, [], constants
    )
    for last in (False, True):
        constants = {"LAST": last, "BLOCK": 4096} | row
        integers = ["voxels", "tiles", "allowed"]
        yield source(kernels_score.refine_kernel, numbers, integers, ["least"], constants)
    constants = {"BLOCK": 4096} | row
    yield source(
        kernels_score.threshold_kernel, numbers, ["voxels", "allowed"], ["least"], constants
    )


@pytest.mark.parametrize(("dims", "capability"), [(2, 90), (3, 80)])
def test_kernels_compile_for_real_chips(dims, capability, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    for kernel in sources(dims):
        compiled = triton.compile(kernel, target=GPUTarget("cuda", capability, 32))
        assert f"sm_{capability}" in compiled.asm["ptx"]
        assert compiled.asm["cubin"].startswith(b"\x7fELF")
