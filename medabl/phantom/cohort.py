"""Phantom subjects on disk, laid out as the WMH Segmentation Challenge lays out its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from medabl.errors import InputError
from medabl.files import atomic_path, write_text
from medabl.phantom.anatomy import Brain
from medabl.phantom.lesions import load_ml, simulate_lesions
from medabl.phantom.person import Person
from medabl.phantom.scanner import Scan, scan
from medabl.phantom.sites import SITES, Site
from medabl.processors import processor_count

SIZES = ("full", "small")
_FILES = ("pre/FLAIR.nii.gz", "pre/T1.nii.gz", "wmh.nii.gz")
_BLOCK = 30


@dataclass(frozen=True)
class Plan:
    """What is fixed about a subject before anything is computed.

    Attributes:
        index: the subject's place in the cohort.
        site: its scanner.
        number: its number in the site's folder.
        load_ml: lesion volume in ml.
        age: 0 to 1.
    """

    index: int
    site: Site
    number: int
    load_ml: float
    age: float

    @property
    def folder(self) -> str:
        """The subject's folder below the cohort's."""
        return f"{self.site.folder}/{self.number}"


def plan_subject(index: int, seed: int) -> Plan:
    """The plan of one subject; it does not depend on how many others there are."""
    site = SITES[index % len(SITES)]
    rng = np.random.default_rng([seed, index, 0])
    start = float(np.random.default_rng([seed]).random())
    # Steps of the golden ratio spread any first N subjects evenly over the loads.
    quantile = (start + index * 0.6180339887) % 1
    block, place = divmod(index, _BLOCK)
    if place == int(np.random.default_rng([seed, block, 1]).integers(0, 6)):
        volume = round(float(rng.uniform(0.15, 0.45)), 3)
        quantile = 0.0
    else:
        volume = load_ml(quantile)
    age = float(np.clip(0.65 * quantile + 0.35 * rng.random(), 0, 1))
    return Plan(index, site, site.first_id + index // len(SITES), volume, age)


def simulate_subject(index: int, seed: int = 0, size: str = "full") -> Scan:
    """One subject of the cohort in memory.

    Args:
        index: its place in the cohort, from 0.
        seed: the cohort's seed.
        size: "full" or "small" (every other slice, from coarser anatomy).
    """
    plan = plan_subject(index, seed)
    rng = np.random.default_rng([seed, index, 1])
    brain = Brain(rng, Person.draw(rng, plan.age), 1.0 if size == "full" else 1.5)
    lesions = simulate_lesions(rng, brain, plan.load_ml)
    shape, spacing = plan.site.shape, plan.site.spacing
    if size == "small":
        shape = (shape[0], shape[1], shape[2] // 2)
        spacing = (spacing[0], spacing[1], spacing[2] * 2)
    return scan(rng, brain, lesions, plan.site, shape, spacing)


def write_phantom_cohort(
    out: str | os.PathLike[str],
    subjects: int = 60,
    seed: int = 0,
    size: str = "full",
    workers: int | None = None,
    progress: bool = True,
) -> list[Path]:
    """Write a cohort of simulated subjects with white matter hyperintensities.

    Every subject has `<site>/<id>/pre/FLAIR.nii.gz` (float32), `pre/T1.nii.gz` (uint16) and
    `wmh.nii.gz` (float32; 0 = background, 1 = lesion, 2 = other pathology), skull-stripped.
    Subject i of a seed is the same whatever the number of subjects and workers. Complete subjects
    found in `out` are kept, so that an interrupted call can be repeated.

    Args:
        out: the cohort's folder; new, empty, or holding a cohort of the same seed and size.
        subjects: how many, at least 1.
        seed: 0 or more.
        size: "full" for the challenge's geometry, "small" for every other slice of coarser anatomy.
        workers: processes; by default as many as this process was given processors.
        progress: show a progress bar.

    Returns:
        the subjects' folders, in the cohort's order.

    Raises:
        InputError: an argument is out of range, `out` holds something else or cannot be written to.
    """
    if subjects < 1:
        raise InputError(f"subjects must be at least 1, not {subjects}.")
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}.")
    if size not in SIZES:
        raise InputError(f"size must be one of {', '.join(SIZES)}, not {size!r}.")
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}.")
    root = Path(out)
    _refuse_other_contents(root, seed, size)
    folders = [root / plan_subject(index, seed).folder for index in range(subjects)]
    missing = [
        index
        for index, folder in enumerate(folders)
        if not all((folder / name).is_file() for name in _FILES)
    ]
    if not missing:
        return folders
    workers = min(workers or processor_count(), len(missing))
    try:
        # Written before any work, so that a folder that takes no files is known at once.
        write_text(root / _MARKER, _marker(seed, size))
        with _bar(progress, len(missing)) as step:
            for _ in _results(root, missing, seed, size, workers):
                step()
    except OSError as error:
        raise InputError(
            f"{root} cannot be written to ({error}): free it or choose another folder; subjects"
            " that are complete are kept."
        ) from error
    return folders


_MARKER = ".medabl-phantom"


def _marker(seed: int, size: str) -> str:
    return f"medabl phantom, seed {seed}, size {size}\n"


def _refuse_other_contents(root: Path, seed: int, size: str) -> None:
    """See that `root` is new, empty or holds a cohort of this seed and size."""
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file: give a folder for the phantom cohort.")
    note = root / _MARKER
    if note.is_file():
        held = note.read_text(encoding="utf-8")
        if held != _marker(seed, size):
            raise InputError(
                f"{root} holds another cohort ({held.strip()}): choose another folder or the same "
                "seed and size."
            )
    elif root.exists() and any(root.iterdir()):
        raise InputError(
            f"{root} holds something else than a phantom cohort: choose a new or empty folder."
        )


def _results(root: Path, indices: list[int], seed: int, size: str, workers: int) -> Iterator[None]:
    """Write the subjects, yielding as each is done."""
    if workers == 1:
        for index in indices:
            _write(root, index, seed, size)
            yield
        return
    count = len(indices)
    # A fork of the caller could hang on its threads (torch's), so one clean server is forked from.
    context = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["medabl.phantom.cohort"])
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_write, [root] * count, indices, [seed] * count, [size] * count)


def _write(root: Path, index: int, seed: int, size: str) -> None:
    """Simulate one subject and write its files, the mask last."""
    folder = root / plan_subject(index, seed).folder
    subject = simulate_subject(index, seed, size)
    arrays: tuple[NDArray[np.generic], ...] = (subject.flair, subject.t1, subject.wmh)
    for name, array in zip(_FILES, arrays, strict=True):
        image = nib.Nifti1Image(np.asfortranarray(array), subject.affine)
        image.header.set_data_dtype(array.dtype)
        image.header.set_xyzt_units("mm", "sec")
        image.set_qform(subject.affine, 1)
        image.set_sform(subject.affine, 1)
        with atomic_path(folder / name) as temporary:
            nib.save(image, temporary)


@contextmanager
def _bar(show: bool, total: int) -> Iterator:
    """A progress bar's step function."""
    columns = (
        TextColumn("phantom subjects"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=not show) as bar:
        task = bar.add_task("subjects", total=total)
        yield lambda: bar.advance(task)
