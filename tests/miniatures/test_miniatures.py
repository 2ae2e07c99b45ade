"""Generated data sets in the layouts of large ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

from medabl.data import check_subjects, find_subjects, read_label_picture
from medabl.errors import InputError
from medabl.miniatures import MINIATURES, write_miniature
from tests.data.test_pictures import ADE20K, CITYSCAPES

TASKS = {"cityscapes": CITYSCAPES, "ade20k": ADE20K}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("miniatures")
    return {layout: write_miniature(layout, root / layout) for layout in MINIATURES}


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.md5(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("layout", TASKS)
def test_a_miniature_lies_in_its_layout_with_labels_of_its_task(
    layout: str, folders: dict[str, Path]
) -> None:
    subjects = find_subjects(folders[layout], ["rgb"])
    check_subjects(subjects, TASKS[layout])
    sides = [subject.side for subject in subjects]
    assert sides.count("train") > sides.count("val") > 5
    assert len(digests(folders[layout])) == 2 * len(subjects)


@pytest.mark.parametrize("layout", TASKS)
def test_a_seed_decides_every_byte(layout: str, folders: dict[str, Path], tmp_path: Path) -> None:
    first = digests(folders[layout])
    assert digests(write_miniature(layout, tmp_path / "same")) == first
    other = digests(write_miniature(layout, tmp_path / "other", seed=1))
    assert list(other) == list(first)
    assert all(other[name] != first[name] for name in first)


@pytest.mark.parametrize("layout", TASKS)
def test_some_classes_are_there_and_most_are_not_some_are_thin_and_some_pixels_are_void(
    layout: str, folders: dict[str, Path]
) -> None:
    task = TASKS[layout]
    found, thin, void = set(), 0, 0
    for subject in find_subjects(folders[layout], ["rgb"]):
        assert subject.label is not None
        classes = read_label_picture(subject.label, task)
        found |= set(np.unique(classes)) - {255}
        void += (classes == 255).sum()
        for of in np.unique(classes):
            # Thin is what three pixels do not fit into.
            thick = scipy.ndimage.binary_opening(classes == of, np.ones((3, 3)))
            thin += ((classes == of) & ~thick).sum()
    assert 10 <= len(found) < len(task.classes)
    assert thin > 2000
    assert void > 1000


def test_files_that_are_there_are_kept(folders: dict[str, Path], tmp_path: Path) -> None:
    write_miniature("ade20k", tmp_path)
    kept = next((tmp_path / "annotations").rglob("*.png"))
    kept.write_bytes(b"mine")
    gone = next((tmp_path / "images").rglob("*.jpg"))
    gone.unlink()
    write_miniature("ade20k", tmp_path)
    assert kept.read_bytes() == b"mine"
    assert gone.read_bytes() == (folders["ade20k"] / gone.relative_to(tmp_path)).read_bytes()


def test_unknown_miniatures_and_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no miniature of 'coco'; there are cityscapes, ade20k"):
        write_miniature("coco", tmp_path)
    with pytest.raises(InputError, match="seed of a miniature must be 0 or more, got -1"):
        write_miniature("ade20k", tmp_path, seed=-1)
