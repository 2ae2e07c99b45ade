"""The phantom cohort on disk: layout, types, geometry, determinism, resuming, bad arguments."""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medabl.errors import InputError
from medabl.phantom import write_phantom_cohort
from medabl.processors import processor_count

FILES = {"pre/FLAIR.nii.gz": np.float32, "pre/T1.nii.gz": np.uint16, "wmh.nii.gz": np.float32}
# Halves of the challenge's 240 x 240 x 48, 232 x 256 x 48 and 132 x 256 x 83.
SMALL = {
    "Utrecht/0": ((240, 240, 24), (0.96, 0.95, 6)),
    "Singapore/50": ((232, 256, 24), (1, 1, 6)),
    "Amsterdam/GE3T/100": ((132, 256, 41), (1.2, 0.98, 6)),
}


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every NIfTI file below `root`."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.nii.gz"))
    }


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom") / "cohort"
    write_phantom_cohort(root, subjects=3, seed=5, size="small", workers=1, progress=False)
    return root


def test_layout_types_and_geometry(cohort: Path) -> None:
    assert {p.parent.relative_to(cohort).as_posix() for p in cohort.rglob("wmh.nii.gz")} == set(
        SMALL
    )
    assert len(list(cohort.rglob("*.nii.gz"))) == 9
    for folder, (shape, spacing) in SMALL.items():
        affines = []
        for name, dtype in FILES.items():
            image = nib.load(cohort / folder / name)
            assert image.shape == shape
            assert image.get_data_dtype() == dtype
            np.testing.assert_allclose(image.header.get_zooms(), spacing, rtol=1e-5)
            assert image.header["sform_code"] == image.header["qform_code"] == 1
            np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-3)
            affines.append(image.affine)
        np.testing.assert_array_equal(affines[0], affines[1])
        np.testing.assert_array_equal(affines[0], affines[2])


def test_the_brain_sits_around_the_world_origin(cohort: Path) -> None:
    for folder in SMALL:
        image = nib.load(cohort / folder / "pre/FLAIR.nii.gz")
        voxels = np.argwhere(image.get_fdata() > 0)
        middle = nib.affines.apply_affine(image.affine, voxels).mean(0)
        assert np.all(np.abs(middle) < [8, 30, 30])
        extent = np.ptp(nib.affines.apply_affine(image.affine, voxels), axis=0)
        assert np.all(extent > [110, 140, 100]) and np.all(extent < [165, 200, 170])


def test_labels_lie_in_the_brain_and_lesions_are_bright_white_matter(cohort: Path) -> None:
    for folder in SMALL:
        flair, t1, wmh = (nib.load(cohort / folder / name).get_fdata() for name in FILES)
        assert set(np.unique(wmh)) <= {0, 1, 2}
        lesion = wmh == 1
        assert lesion.any()
        brain = flair > 0
        np.testing.assert_array_equal(brain, t1 > 0)
        assert np.all(brain[wmh > 0])
        assert np.isfinite(flair).all()
        # Fluid is the darkest tenth on both sequences; white matter is bright on T1.
        assert (t1[lesion] > np.quantile(t1[brain], 0.1)).mean() > 0.9
        assert np.median(flair[lesion]) > 1.15 * np.median(flair[brain])


def test_no_time_or_name_in_the_compressed_files(cohort: Path) -> None:
    for path in cohort.rglob("*.nii.gz"):
        header = path.read_bytes()[:10]
        assert header[3] & 8 == 0 and header[4:8] == b"\0\0\0\0"
        with gzip.open(path) as stream:
            assert len(stream.read(4)) == 4


def test_same_seed_same_bytes_whatever_workers_and_number(cohort: Path, tmp_path: Path) -> None:
    write_phantom_cohort(tmp_path / "a", 2, seed=5, size="small", workers=2, progress=False)
    twice = digests(tmp_path / "a")
    once = digests(cohort)
    assert len(twice) == 6
    assert twice == {name: once[name] for name in twice}


def test_other_seed_other_brain(cohort: Path, tmp_path: Path) -> None:
    write_phantom_cohort(tmp_path / "b", 1, seed=6, size="small", workers=1, progress=False)
    other = digests(tmp_path / "b")
    once = digests(cohort)
    assert all(other[name] != once[name] for name in other)


def test_a_second_call_writes_only_what_is_missing(cohort: Path) -> None:
    before = digests(cohort)
    lost = cohort / "Singapore/50/pre/T1.nii.gz"
    lost.unlink()
    kept = cohort / "Utrecht/0/wmh.nii.gz"
    touched = kept.stat().st_mtime_ns
    folders = write_phantom_cohort(cohort, 3, seed=5, size="small", workers=1, progress=False)
    assert folders == [cohort / name for name in SMALL]
    assert digests(cohort) == before
    assert kept.stat().st_mtime_ns == touched
    assert not [p for p in cohort.rglob(".*") if p.name != ".medabl-phantom"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"subjects": 0}, "subjects"),
        ({"seed": -1}, "seed"),
        ({"size": "tiny"}, "size"),
        ({"workers": 0}, "workers"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        write_phantom_cohort(tmp_path / "out", progress=False, **arguments)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="something else"):
        write_phantom_cohort(tmp_path, 1, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match=r"thesis\.txt is a file"):
        write_phantom_cohort(tmp_path / "thesis.txt", 1, progress=False)


def test_a_cohort_of_another_seed_is_not_mixed_in(cohort: Path) -> None:
    with pytest.raises(InputError, match="seed 5, size small"):
        write_phantom_cohort(cohort, 3, seed=7, size="small", progress=False)


def test_a_folder_that_takes_no_files_is_one_sentence_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    monkeypatch.setattr("medabl.phantom.cohort.simulate_subject", lambda *_: pytest.fail("worked"))
    with pytest.raises(InputError, match=r"out cannot be written to .*No space left"):
        write_phantom_cohort(tmp_path / "out", 1, size="small", workers=1, progress=False)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"out cannot be written to"):
        write_phantom_cohort(tmp_path / "file" / "out", 1, workers=1, progress=False)


def test_as_many_workers_as_the_job_was_given_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 8}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert processor_count() == 3
    monkeypatch.delattr("os.sched_getaffinity")
    assert processor_count() == 64


def test_it_is_found_under_its_old_name_and_loaded_only_then() -> None:
    code = (
        "import sys, medabl.data; assert 'medabl.phantom.cohort' not in sys.modules;"
        "from medabl.data import write_phantom_cohort as old;"
        "from medabl.phantom import write_phantom_cohort as new; assert old is new"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
