"""The CUDA kernels, without a GPU: run by Triton's interpreter, and compiled for real chips."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import ndimage

from medabl.geometry import boundary_distance

triton = pytest.importorskip("triton", reason="Triton is not installed")

# The interpreter is chosen while the kernels are being defined, hence a process of its own. Small
# tiles, because it takes about a millisecond a voxel: several along every axis all the same.
INTERPRETED = """
import sys
import numpy as np
import torch
from medabl.geometry import distance_transform_triton as kernels

kernels._SCAN_TILE, kernels._SEARCH_TILE, kernels._LANES = 64, 64, 8
cases = np.load(sys.argv[1])
distances = {}
for name in [key.removesuffix("/spacing") for key in cases if key.endswith("/spacing")]:
    spacing = cases[name + "/spacing"].tolist()
    if name + "/mask" in cases:
        mask = torch.from_numpy(cases[name + "/mask"])
        distances[name] = kernels.distance_transform_triton(mask, spacing).numpy()
    else:
        labels = torch.from_numpy(cases[name + "/labels"])
        ignored = int(cases[name + "/ignored"]) if name + "/ignored" in cases else None
        distances[name] = kernels.boundary_distance_triton(labels, spacing, ignored).numpy()
np.savez(sys.argv[2], **distances)
"""


def single(shape, voxel, value):
    mask = np.full((1, 1, *shape), not value)
    mask[(0, 0, *voxel)] = value
    return mask


def named_cases():
    rng = np.random.default_rng(0)
    cases = {
        "full and empty": (np.stack([np.ones((1, 9, 5)), np.zeros((1, 9, 5))]) > 0, (1, 1)),
        "one voxel False, several tiles an axis": (single((30, 11), (2, 10), False), (1.1, 0.7)),
        "one voxel False at the end": (single((25, 5), (24, 0), False), (1, 1)),
        "search over several tiles": (single((2, 140), (1, 100), False), (3, 0.1)),
        "1 x N": (single((1, 75), (0, 3), False), (2, 0.1)),
        "N x 1": (single((75, 1), (3, 0), False), (0.1, 2)),
        "1 x 1": (np.array([True, False]).reshape(2, 1, 1, 1), (1, 1)),
        "checkerboard": (np.indices((1, 2, 9, 11)).sum(axis=0) % 2 == 0, (0.3, 0.7)),
        "huge spacing ratio": (rng.random((1, 1, 20, 15)) < 0.97, (1e6, 1e-6)),
        "3D, one voxel": (single((5, 12, 9), (4, 0, 8), False), (0.9, 0.9, 3)),
        "3D, one voxel True": (single((5, 6, 7), (0, 3, 6), True), (0.9, 0.9, 3)),
        "3D, huge spacing ratios": (rng.random((1, 1, 6, 7, 8)) < 0.99, (1, 1e6, 1e-6)),
    }
    for number in range(10):
        axes = 2 + number % 2
        shape = (*rng.integers(1, 3, 2), *rng.integers(1, (16, 7)[axes - 2], axes))
        mask = rng.random(shape) < 1 - 10.0 ** -rng.uniform(0, 2.5)
        cases[f"random {axes}D, {number}"] = (mask, 10.0 ** rng.uniform(-2, 2, axes))
    return cases


def label_cases():
    """Labels, spacing and the label to be ignored, of images of one tile and of several."""
    rng = np.random.default_rng(1)
    cases = {}
    dtypes = itertools.cycle([np.int64, np.uint8, np.float32, np.int16, np.bool_])
    shapes = [(1, 1), (7, 20), (40, 11), (1, 30), (30, 1), (3, 5, 6), (12, 3, 9), (4, 1, 5)]
    for (shape, ignored), dtype in zip(
        itertools.product(shapes, [None, 1, -1]), dtypes, strict=False
    ):
        coarse = rng.integers(0, 3, (2, 1, *(side // 4 + 1 for side in shape)))
        labels = coarse
        for axis in range(2, coarse.ndim):
            labels = labels.repeat(4, axis).take(np.arange(shape[axis - 2]), axis)
        if ignored == -1:
            labels = np.where(labels == 2, -1, labels)
        labels[1] *= rng.integers(2)  # half of them have an image without a boundary
        name = f"{shape}, {np.dtype(dtype).name}, {ignored} ignored"
        cases[name] = (labels.astype(dtype), rng.uniform(0.2, 3, len(shape)), ignored)
    return cases


CASES = named_cases()
LABELS = label_cases()


@pytest.fixture(scope="module")
def distances(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interpreted")
    arrays = {f"{name}/mask": mask for name, (mask, _) in CASES.items()}
    arrays |= {f"{name}/spacing": np.array(spacing, float) for name, (_, spacing) in CASES.items()}
    for name, (labels, spacing, ignored) in LABELS.items():
        arrays |= {f"{name}/labels": labels, f"{name}/spacing": spacing}
        arrays |= {} if ignored is None else {f"{name}/ignored": np.array(ignored)}
    np.savez(folder / "cases.npz", **arrays)
    subprocess.run(
        [sys.executable, "-c", INTERPRETED, folder / "cases.npz", folder / "distances.npz"],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        check=True,
    )
    return np.load(folder / "distances.npz")


@pytest.mark.parametrize("name", CASES)
def test_interpreted_kernels_equal_scipy(distances, name):
    assert_equals_scipy(distances[name], *CASES[name])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", CASES)
def test_kernels_on_a_device_equal_scipy(name):
    from medabl.geometry.distance_transform_triton import distance_transform_triton

    mask, spacing = CASES[name]
    spacing = [float(step) for step in spacing]
    distance = distance_transform_triton(torch.from_numpy(mask).cuda(), spacing)
    assert_equals_scipy(distance.cpu().numpy(), mask, spacing)


def assert_equals_scipy(distance, mask, spacing):
    for index in np.ndindex(mask.shape[:2]):
        full = mask[index].all()
        expected = np.inf if full else ndimage.distance_transform_edt(mask[index], spacing)
        np.testing.assert_allclose(distance[index], expected, rtol=1e-5)


@pytest.mark.parametrize("name", LABELS)
def test_distances_to_the_boundary_of_labels_equal_scipy(distances, name):
    assert_equals_boundary_distance(distances[name], *LABELS[name])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", LABELS)
def test_distances_to_the_boundary_of_labels_on_a_device_equal_scipy(name):
    labels, spacing, ignored = LABELS[name]
    distance = boundary_distance(torch.from_numpy(labels).cuda(), spacing.tolist(), ignored)
    assert_equals_boundary_distance(distance.cpu().numpy(), labels, spacing, ignored)


def assert_equals_boundary_distance(distance, labels, spacing, ignored):
    if ignored is not None and labels.dtype != bool:
        ignored = torch.tensor(ignored).to(torch.from_numpy(labels).dtype).numpy()
    known = np.ones(labels.shape, bool) if ignored is None else labels != ignored
    boundary = np.zeros(labels.shape, bool)
    for axis in range(2, labels.ndim):
        for i in range(labels.shape[axis] - 1):
            here, ahead = (labels.take(j, axis) for j in (i, i + 1))
            differs = (here != ahead) & known.take(i, axis) & known.take(i + 1, axis)
            boundary[(slice(None),) * axis + (i,)] |= differs
    assert_equals_scipy(distance, ~boundary, spacing)


@pytest.mark.parametrize("capability", [80, 90])
def test_kernels_compile_for_real_chips(capability, tmp_path, monkeypatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from medabl.geometry.distance_transform_kernels import scan_kernel, search_kernel

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    names = ["length", "inner", "depth", "lane_tiles", "ignored"]
    sizes = dict.fromkeys(names, "i32") | {"step": "fp32"}
    scans = [
        ASTSource(
            fn=scan_kernel,
            signature={"image_ptr": image, "out_ptr": "*fp32", "sources_ptr": "*u8"}
            | sizes
            | dict.fromkeys(tile, "constexpr"),
            constexprs=tile,
        )
        for image, tile in [
            ("*u8", {"LABELS": False, "IGNORING": False, "ONCE": False, "CHUNK": 128, "LANES": 32}),
            ("*i64", {"LABELS": True, "IGNORING": True, "ONCE": True, "CHUNK": 256, "LANES": 16}),
            (
                "*fp32",
                {"LABELS": True, "IGNORING": False, "ONCE": False, "CHUNK": 128, "LANES": 32},
            ),
        ]
    ]
    names = ["length", "inner", "row_tiles", "lane_tiles", "programs_an_image", "sources_an_image"]
    sizes = dict.fromkeys(names, "i32") | {"step": "fp32"}
    tiles = {"ROOT": "constexpr", "ROWS": "constexpr", "LANES": "constexpr"}
    pointers = {"in_ptr": "*fp32", "out_ptr": "*fp32", "sources_ptr": "*u8"}
    middle = ASTSource(
        fn=search_kernel,
        signature=pointers | sizes | tiles,
        constexprs={"ROOT": False, "ROWS": 16, "LANES": 32},
    )
    # A launch turns sizes of 1 into constants: the last axis always has these two.
    ones = {"inner": "constexpr", "lane_tiles": "constexpr"}
    last = ASTSource(
        fn=search_kernel,
        signature=pointers | sizes | tiles | ones,
        constexprs={"ROOT": True, "ROWS": 512, "LANES": 1, "inner": 1, "lane_tiles": 1},
    )
    for source in (*scans, middle, last):
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        assert f"sm_{capability}" in compiled.asm["ptx"]
        assert compiled.asm["cubin"].startswith(b"\x7fELF")
