from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medabl.files import atomic_path, read_json, sweep, write_json, write_text


def test_a_finished_file_appears_under_its_name_alone(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "new" / "a.nii.gz") as temporary:
        temporary.write_text("whole")
        assert temporary.name.endswith(".nii.gz")
        assert not (tmp_path / "new" / "a.nii.gz").exists()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.nii.gz"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writers_leftovers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "a" / "b" / "~mine.txt"
    write_text(kept, "mine")
    (kept.parent / ".~0123456789ab-last.pt").write_bytes(b"half")
    sweep(tmp_path)
    assert [path.name for path in kept.parent.iterdir()] == ["~mine.txt"]


@settings(max_examples=5, deadline=None)
@given(names=st.lists(st.sampled_from("ab"), min_size=400, max_size=400), size=st.integers(0, 4000))
@pytest.mark.slow
def test_two_threads_that_write_the_same_files_never_leave_a_broken_one(
    names: list[str], size: int
) -> None:
    """Half of the 400 writes each; whoever reads in between sees one of the whole texts."""
    texts = [letter * size for letter in "xy"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def write(by: int) -> None:
            for name in names[by::2]:
                write_text(root / name, texts[by])
                assert (root / name).read_text() in texts

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, (0, 1)))
        assert {path.name for path in root.iterdir()} == set(names)
