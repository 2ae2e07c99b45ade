"""What several test files share: a cohort of tiny scans, written without medabl."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.array([[-1.2, 0, 0, 10], [0, 1.0, 0.05, -20], [0, -0.05, 3.0, 5], [0, 0, 0, 1]])


def write_subject(
    folder: Path,
    seed: int,
    shape: tuple[int, int, int] = (24, 32, 4),
    modalities: tuple[str, ...] = ("FLAIR", "T1"),
    lesion: bool = True,
    label_type: type = np.float32,
) -> Path:
    """A noisy grey scan whose lesions are bright discs; label 2 in one corner."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, label_type)
    grid = np.indices(shape)
    if lesion:
        for _ in range(3):
            x, y, z = (rng.integers(5, n - 5) if n > 10 else rng.integers(n) for n in shape)
            disc = (grid[0] - x) ** 2 + (grid[1] - y) ** 2 <= rng.integers(4, 16)
            label[disc & (abs(grid[2] - z) <= 1)] = 1
    label[:2, :2, 0] = 2
    for modality in modalities:
        sign = 1 if modality == "FLAIR" else -1
        image = 100 + 5 * rng.standard_normal(shape) + sign * 60 * (label == 1)
        dtype = np.float32 if modality == "FLAIR" else np.uint16
        write_nifti(folder / "pre" / f"{modality}.nii.gz", image.astype(dtype))
    write_nifti(folder / "wmh.nii.gz", label)
    return folder


def write_nifti(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six subjects of two sites, one without lesions. Read only."""
    root = tmp_path_factory.mktemp("cohort")
    for number in range(6):
        site = "Utrecht" if number < 3 else "Amsterdam/GE3T"
        write_subject(root / site / str(number * 7), seed=number, lesion=number != 4)
    return root


# What trains, starts other programs or compiles; `scripts/test.sh --fast` leaves it out.
SLOW = (
    "cli", "engine", "examples", "experiments", "export", "inspection", "networks", "nnunet",
    "phantom", "report", "runs/test_lock.py", "test_kill.py", "losses/test_compiled.py",
    "geometry/test_distance_transform_triton.py", "losses/test_active_boundary_triton.py",
    "losses/test_launches.py", "test_gpu_check.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    folders = [Path(__file__).parent / name for name in SLOW]
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker(pytest.mark.slow)
