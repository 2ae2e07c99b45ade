"""Clips of videos: which frames, which crop, which objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medabl.data import ClipDataset, Subject, VideoDataset
from medabl.data.clips import choose_objects, draw_frames
from medabl.palette import write_mask

LENGTH = 40


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Frame i has the grey value 5 i; a small object moves right, a second one stands still."""
    root = tmp_path_factory.mktemp("video")
    (root / "frames").mkdir()
    for index in range(LENGTH):
        Image.new("RGB", (60, 40), (5 * index,) * 3).save(root / "frames" / f"{index:05d}.png")
        mask = np.zeros((40, 60), np.uint8)
        mask[30:34, index : index + 3] = 1
        mask[2:5, 50:54] = 2
        write_mask(root / "masks" / f"{index:05d}.png", mask)
    return Subject("v", "", {"rgb": root / "frames"}, root / "masks", side="train")


def _numbers(clip: dict[str, torch.Tensor]) -> list[int]:
    """The frames of a clip, told by their grey values."""
    mean, sd = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    values = clip["image"].mean((2, 3)).numpy() * sd + mean
    assert np.allclose(values, values[:, :1], atol=1e-5)
    return [round(v) for v in values[:, 0] * 255 / 5]


@given(
    length=st.integers(1, 200),
    frames=st.integers(1, 5),
    skipped=st.integers(0, 30),
    seed=st.integers(0, 1000),
)
def test_frames_are_in_order_and_not_too_far_apart(
    length: int, frames: int, skipped: int, seed: int
) -> None:
    drawn = draw_frames(length, frames, skipped, np.random.default_rng(seed))
    assert len(drawn) == frames
    assert 0 <= drawn[0] <= drawn[-1] < length
    steps = np.diff(drawn)
    if length >= frames:
        assert all(1 <= step <= skipped + 1 for step in steps)


def test_gaps_grow_from_none_to_the_most_over_the_epochs(video: Subject) -> None:
    clips = ClipDataset([video], (40, 60), epochs=6, most_skipped=10, clips=60)
    widest = []
    for epoch in range(1, 7):
        clips.set_epoch(epoch)
        widest.append(max(int(np.diff(_numbers(clips[i])).max()) for i in range(60)))
    assert widest == [1, 3, 5, 7, 9, 11]


def test_a_clip_is_a_function_of_seed_epoch_and_index(video: Subject) -> None:
    def draw(seed: int, epoch: int, index: int) -> torch.Tensor:
        clips = ClipDataset([video], (16, 16), epochs=3, clips=9, seed=seed)
        clips.set_epoch(epoch)
        return clips[index]["image"]

    one = draw(3, 2, 4)
    assert torch.equal(draw(3, 2, 4), one)
    assert not torch.equal(draw(4, 2, 4), one)
    assert not torch.equal(draw(3, 3, 4), one)
    assert not torch.equal(draw(3, 2, 5), one)


def test_a_crop_is_of_one_place_and_shows_an_object_at_first(video: Subject) -> None:
    clips = ClipDataset([video], (16, 20), epochs=1, objects=2, clips=50)
    whole = VideoDataset([video], objects=2)[0]["label"].numpy()
    for index in range(50):
        clip = clips[index]
        label = clip["label"].numpy()
        assert label.shape == (3, 16, 20)
        assert label[0].any()
        frames = whole[_numbers(clip)]
        # Objects may have exchanged their numbers.
        places = [
            (y, x)
            for y in range(25)
            for x in range(41)
            if np.array_equal(frames[:, y : y + 16, x : x + 20] > 0, label > 0)
        ]
        assert places


def test_all_videos_take_their_turn_before_one_comes_again(video: Subject) -> None:
    clips = ClipDataset([video] * 5, (16, 16), epochs=4, clips=3)
    clips.videos = [[pair] * 3 for pair in clips.videos[0][:5]]  # five videos, each of one frame
    seen = []
    for epoch in range(1, 6):
        clips.set_epoch(epoch)
        seen += [_numbers(clips[i])[0] for i in range(3)]
    assert [sorted(seen[i : i + 5]) for i in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert seen[:5] != seen[5:10]


def test_a_small_video_is_enlarged(video: Subject) -> None:
    clip = ClipDataset([video], (80, 90), epochs=1)[0]
    assert clip["image"].shape == (3, 3, 80, 90)
    assert clip["label"].shape == (3, 80, 90)
    assert set(clip["label"].unique().tolist()) <= {0, 1}


def test_one_object_is_all_of_them_and_some_are_numbered_anew() -> None:
    masks = np.array([[[0, 3, 5, 9]], [[9, 3, 7, 0]]], np.uint8)
    assert choose_objects(masks, 1, np.random.default_rng(0)).tolist() == [
        [[0, 1, 1, 1]],
        [[1, 1, 1, 0]],
    ]
    for seed in range(20):
        chosen = choose_objects(masks, 2, np.random.default_rng(seed))
        assert sorted(chosen[0].ravel().tolist()) == [0, 0, 1, 2]
        assert chosen[1, 0, 2] == 0  # not there in the first frame
        assert chosen[0, 0, 3] == chosen[1, 0, 0]


def test_a_whole_video_keeps_its_objects_or_takes_them_as_one(video: Subject) -> None:
    sample = VideoDataset([video], objects=3)[0]
    assert sample["image"].shape == (LENGTH, 3, 40, 60)
    assert sample["label"].unique().tolist() == [0, 1, 2]
    assert VideoDataset([video])[0]["label"].unique().tolist() == [0, 1]
