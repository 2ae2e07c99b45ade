from pathlib import Path

import pytest

from medabl.files import atomic_path, read_json, write_json


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
