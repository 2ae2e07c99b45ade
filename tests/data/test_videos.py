"""Videos in the layouts of DAVIS and YouTube-VOS, written without medabl."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medabl.data import check_subjects, find_subjects, read_video, split_subjects
from medabl.data.video import further_videos, read_mask
from medabl.engine import load_config, settings_of
from medabl.errors import InputError
from medabl.miniatures import write_miniature
from medabl.palette import write_mask

PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0] + [7] * 759


def write_frame(path: Path, size: tuple[int, int] = (20, 12)) -> None:
    """A grey JPEG, width x height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 60)).save(path)


def write_ids(path: Path, size: tuple[int, int] = (20, 12), objects: int = 2) -> None:
    """A palette PNG with a column of each object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.zeros(size[::-1], np.uint8)
    for number in range(1, objects + 1):
        ids[2:6, 4 * number : 4 * number + 3] = number
    image = Image.fromarray(ids)
    image.putpalette(PALETTE)
    image.save(path)


def davis(root: Path, frames: int = 4) -> Path:
    """Two sequences that train and one that validates; the lists of 2017 have one more."""
    for name in ("bear", "dog-agility", "car_T1", "horse"):
        for number in range(frames):
            write_frame(root / "JPEGImages/480p" / name / f"{number:05d}.jpg")
            write_ids(root / "Annotations/480p" / name / f"{number:05d}.png")
    for year, train in (("2016", "bear\ncar_T1\n"), ("2017", "bear\ncar_T1\nhorse\n")):
        lists = root / "ImageSets" / year
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text(train)
        (lists / "val.txt").write_text("dog-agility\n")
    return root


def test_davis_takes_its_lists_of_2016(tmp_path: Path) -> None:
    subjects = find_subjects(davis(tmp_path), ["rgb"])
    sides = split_subjects(subjects, validation="official")
    assert (sides["train"], sides["val"]) == (["bear", "car_T1"], ["dog-agility"])
    assert subjects[0].images == {"rgb": tmp_path / "JPEGImages/480p/bear"}
    assert subjects[0].label == tmp_path / "Annotations/480p/bear"
    check_subjects(subjects)


def test_davis_2017_is_named_by_its_lists(tmp_path: Path) -> None:
    subjects = find_subjects(davis(tmp_path) / "ImageSets" / "2017", ["rgb"])
    assert [s.id for s in subjects] == ["bear", "car_T1", "dog-agility", "horse"]
    shutil.rmtree(tmp_path / "ImageSets" / "2016")
    assert len(find_subjects(tmp_path, ["rgb"])) == 4


@pytest.mark.parametrize("below", ["", "train"])
def test_all_videos_of_youtube_vos_train(tmp_path: Path, below: str) -> None:
    for name in ("003234408d", "0043f083b5"):
        for number in (0, 5, 10):
            write_frame(tmp_path / "train/JPEGImages" / name / f"{number:05d}.jpg")
        for number in (5, 10):  # the object appears later
            write_ids(tmp_path / "train/Annotations" / name / f"{number:05d}.png", objects=1)
    videos = further_videos(tmp_path / below)
    assert {(v.id, v.side) for v in videos} == {("003234408d", "train"), ("0043f083b5", "train")}
    frames, masks = read_video(videos[0])
    assert frames.shape == (2, 12, 20, 3)
    assert masks.shape == (2, 12, 20)


def test_pictures_with_annotations_are_no_videos(tmp_path: Path) -> None:
    write_frame(tmp_path / "JPEGImages" / "2007_000027.jpg")
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(InputError, match="No subject below"):
        find_subjects(tmp_path, ["rgb"])


def test_a_further_data_set_of_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images" / "training").mkdir(parents=True)
    with pytest.raises(InputError, match=r"holds pictures \(ADE20K\), and clips are taken from"):
        further_videos(tmp_path)


def test_without_a_further_data_set_there_are_no_further_videos() -> None:
    assert further_videos(None) == []


def test_a_palettes_indices_are_the_objects(tmp_path: Path) -> None:
    write_ids(tmp_path / "mask.png", objects=2)
    mask = read_mask(tmp_path / "mask.png")
    assert (mask[3, 5], mask[3, 9], mask[0, 0]) == (1, 2, 0)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
def test_black_and_white_is_one_object(tmp_path: Path, mode: str) -> None:
    values = np.zeros((6, 8), np.uint8)
    values[2:4, 3:5] = 255
    Image.fromarray(values).convert(mode).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), values // 255)


def test_a_written_mask_is_a_palette_image_with_the_colours_of_pascal_voc(tmp_path: Path) -> None:
    ids = np.arange(24, dtype=np.uint8).reshape(4, 6)
    write_mask(tmp_path / "mask.png", ids)
    assert np.array_equal(read_mask(tmp_path / "mask.png"), ids)
    with Image.open(tmp_path / "mask.png") as image:
        colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
    published = {1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 7: (128,) * 3}
    published |= {8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128), 21: (128, 64, 128)}
    assert {number: tuple(colours[number]) for number in published} == published


MASK = "Annotations/480p/dog-agility/00002.png"
FRAME = "JPEGImages/480p/dog-agility/00002.jpg"


def _as_colours(path: Path) -> None:
    Image.open(path).convert("RGB").save(path)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / MASK).unlink(), r"00002\.jpg has no mask in .*one for every frame"),
        (lambda root: (root / FRAME).unlink(), r"00002\.png has no frame in .*dog-agility; add"),
        (
            lambda root: ((root / MASK).unlink(), (root / FRAME).unlink()),
            r"dog-agility lacks 1 of its frames, the first of them 00002; add them",
        ),
        (lambda root: _as_colours(root / MASK), r"00002\.png is a picture of mode RGB.*mode P"),
        (
            lambda root: write_frame(root / FRAME, (22, 12)),
            r"00002\.jpg has 22 x 12 pixels, but .*00000\.jpg 20 x 12; all frames and masks",
        ),
        (
            lambda root: write_ids(root / MASK, (20, 14)),
            r"00002\.png has 20 x 14 pixels, but .*00000\.jpg 20 x 12",
        ),
        (lambda root: (root / FRAME).write_text("no"), r"00002\.jpg is no image that can be read"),
        (
            lambda root: [p.unlink() for p in (root / FRAME).parent.iterdir()],
            r"dog-agility holds no frame \(\*\.jpg\)",
        ),
        (
            lambda root: [p.unlink() for p in (root / MASK).parent.iterdir()],
            r"dog-agility holds no mask \(\*\.png\)",
        ),
    ],
)
def test_what_is_wrong_with_a_video_is_named(tmp_path: Path, spoil, expected: str) -> None:
    spoil(davis(tmp_path))
    with pytest.raises(InputError, match=expected):
        check_subjects(find_subjects(tmp_path, ["rgb"]))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: shutil.rmtree(root / "JPEGImages/480p/bear"), r"lists bear, but .* no such"),
        (lambda root: (root / "ImageSets/2016/val.txt").unlink(), r"2016 has no val\.txt"),
        (lambda root: shutil.rmtree(root / "Annotations/480p/bear"), r"bear .* has no mask"),
    ],
)
def test_what_a_layout_lacks_is_named(tmp_path: Path, spoil, expected: str) -> None:
    spoil(davis(tmp_path))
    with pytest.raises(InputError, match=expected):
        find_subjects(tmp_path, ["rgb"])


def test_videos_have_colours_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only modality is rgb; got flair,t1: set modalities=rgb"):
        find_subjects(davis(tmp_path), ["flair", "t1"])


def test_a_frame_that_changes_changes_the_fingerprint(tmp_path: Path) -> None:
    from medabl.fingerprints import difference, take_fingerprints

    files = {s.id: s.files for s in find_subjects(davis(tmp_path), ["rgb"])}
    before = take_fingerprints(files)
    assert difference(before, take_fingerprints(files)) is None
    write_frame(tmp_path / FRAME, (22, 12))
    assert "rgb of subject dog-agility changed" in str(difference(before, take_fingerprints(files)))


@pytest.mark.parametrize(
    ("layout", "config", "expected"),
    [
        ("davis", "ade20k.yaml", "holds videos, but the task ade20k is one of pictures"),
        ("ade20k", "davis.yaml", "holds pictures, but the task davis is one of videos"),
    ],
)
def test_a_data_set_of_another_kind_is_refused(tmp_path, layout, config, expected):
    write_miniature(layout, tmp_path / "data")
    loaded = load_config([config], {"data": str(tmp_path / "data")})
    subjects = find_subjects(tmp_path / "data", ["rgb"])
    with pytest.raises(InputError, match=expected):
        check_subjects(subjects, settings_of(loaded).task)
