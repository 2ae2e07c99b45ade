"""The videos that stand in for DAVIS and YouTube-VOS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

from medabl.data import Subject, check_subjects, find_subjects, read_video
from medabl.miniatures import write_miniature


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    root = tmp_path_factory.mktemp("davis")
    write_miniature("davis", root)
    return find_subjects(root, ["rgb"])


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_it_is_a_data_set_in_davis_layout(videos: list[Subject]) -> None:
    check_subjects(videos)
    assert [v.side for v in videos].count("train") == 16
    assert [v.side for v in videos].count("val") == 4


@pytest.mark.parametrize("layout", ["davis", "youtube_vos"])
def test_the_same_seed_writes_the_same_files(layout: str, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_miniature(layout, tmp_path / name, seed)
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")
    assert _bytes(tmp_path / "a") != _bytes(tmp_path / "c")


def test_youtube_vos_videos_are_others_and_only_train(
    videos: list[Subject], tmp_path: Path
) -> None:
    write_miniature("youtube_vos", tmp_path)
    others = find_subjects(tmp_path, ["rgb"])
    check_subjects(others)
    assert {v.side for v in others} == {"train"}
    assert not {v.id for v in others} & {v.id for v in videos}
    assert sorted(p.stem for p in others[0].images["rgb"].iterdir())[:3] == [
        "00000",
        "00005",
        "00010",
    ]


def test_objects_are_there_at_first_move_and_have_thin_parts(videos: list[Subject]) -> None:
    thin = []
    for video in videos:
        _, masks = read_video(video)
        inside = masks > 0
        assert set(np.unique(masks[0])) == {*range(masks.max() + 1)}
        places = [scipy.ndimage.center_of_mass(frame) for frame in (inside[0], inside[-1])]
        assert np.hypot(*np.subtract(*places)) > 4
        bodies = np.stack([scipy.ndimage.binary_opening(f, np.ones((3, 3)), 2) for f in inside])
        thin.append((inside & ~bodies).sum() / inside.sum())
    assert np.mean(thin) > 0.15


def test_objects_hide_each_other_or_pass_behind_the_pole(videos: list[Subject]) -> None:
    """An object that is cut in two by what lies over it has a part that is not at its body."""
    cut = 0
    for video in videos:
        _, masks = read_video(video)
        for number in range(1, masks.max() + 1):
            parts = [scipy.ndimage.label(frame == number)[1] for frame in masks]
            cut += max(parts) > 1
    assert cut > len(videos) / 2
