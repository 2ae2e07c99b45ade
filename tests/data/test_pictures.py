"""Cityscapes and ADE20K as they lie on disk, and what is wrong with a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from medabl.data import check_subjects, find_subjects, load_cohort, read_label_picture, read_picture
from medabl.engine import packaged_config
from medabl.errors import InputError
from medabl.task import Task


def task_of(name: str) -> Task:
    text = packaged_config(f"{name}.yaml").read_text(encoding="utf-8")
    return Task.model_validate(yaml.safe_load(text)["task"])


CITYSCAPES, ADE20K = task_of("cityscapes"), task_of("ade20k")
# Train ids of the ids 0 to 33, as the benchmark's table has them; 255 is void.
TRAIN_IDS = [
    *[255] * 7, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    255, 255, 16, 17, 18,
]  # fmt: skip


def save(path: Path, values: np.ndarray | Image.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    picture.save(path)
    return path


def cityscapes(root: Path) -> Path:
    for side, city, number in (("train", "ulm", 0), ("train", "jena", 0), ("val", "lindau", 3)):
        name = f"{side}/{city}/{city}_{number:06d}_000019"
        save(root / f"leftImg8bit/{name}_leftImg8bit.png", np.zeros((4, 6, 3), np.uint8))
        save(root / f"gtFine/{name}_gtFine_labelIds.png", np.full((4, 6), 7, np.uint8))
        save(root / f"gtFine/{name}_gtFine_color.png", np.zeros((4, 6, 3), np.uint8))
    save(root / "leftImg8bit/test/bonn/b_leftImg8bit.png", np.zeros((4, 6, 3), np.uint8))
    return root


def ade20k(root: Path) -> Path:
    for folder, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        save(root / f"images/{folder}/{name}.jpg", np.zeros((5, 4, 3), np.uint8))
        save(root / f"annotations/{folder}/{name}.png", np.full((5, 4), 150, np.uint8))
    return root


def test_cityscapes_is_found_by_side_city_and_name(tmp_path: Path) -> None:
    subjects = find_subjects(cityscapes(tmp_path), ["rgb"])
    assert [(s.id, s.site, s.side) for s in subjects] == [
        ("train/jena/jena_000000_000019", "jena", "train"),
        ("train/ulm/ulm_000000_000019", "ulm", "train"),
        ("val/lindau/lindau_000003_000019", "lindau", "val"),
    ]
    assert subjects[0].label is not None
    assert subjects[0].label.name == "jena_000000_000019_gtFine_labelIds.png"


def test_ade20k_is_found_and_both_are_split_as_their_makers_did(tmp_path: Path) -> None:
    for root in (cityscapes(tmp_path / "c"), ade20k(tmp_path / "a")):
        cohort = load_cohort(root, ["rgb"], validation="official", group_by="none")
        assert {s.side for s in cohort.train} == {"train"}
        assert {s.side for s in cohort.val} == {"val"} == {s.side for s in cohort.evaluated}
    assert [s.id for s in cohort.val] == ["validation/ADE_val_00000001"]


def test_data_without_a_split_of_their_own_cannot_be_split_officially(cohort: Path) -> None:
    with pytest.raises(InputError, match="validation=official needs a data set that is split"):
        load_cohort(cohort, ["flair"], validation="official")


def test_an_official_split_takes_neither_folds_nor_a_test(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave test and folds out"):
        load_cohort(ade20k(tmp_path), ["rgb"], validation="official", folds=2)


def test_ids_of_cityscapes_become_train_ids(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.arange(34, dtype=np.uint8)[None])
    assert read_label_picture(path, CITYSCAPES)[0].tolist() == TRAIN_IDS
    assert CITYSCAPES.ignore_index == 255


def test_labels_of_ade20k_become_classes_one_less_and_0_is_ignored(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.arange(151, dtype=np.uint8)[None])
    assert read_label_picture(path, ADE20K)[0].tolist() == [255, *range(150)]


def test_a_palette_is_read_as_numbers_not_as_colours(tmp_path: Path) -> None:
    numbers = np.array([[7, 8, 26]], np.uint8)
    picture = Image.fromarray(numbers)
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    path = save(tmp_path / "x.png", picture)
    with Image.open(path) as stored:
        assert stored.mode == "P"
    assert read_label_picture(path, CITYSCAPES)[0].tolist() == [0, 1, 13]


def test_grey_pictures_have_three_equal_colours(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    colours = read_picture(save(tmp_path / "x.png", grey))
    np.testing.assert_array_equal(colours, grey[..., None].repeat(3, -1))


def test_predictions_are_written_in_the_labels_of_the_data_set() -> None:
    labels = CITYSCAPES.to_labels(np.arange(19, dtype=np.uint8))
    assert CITYSCAPES.to_classes(labels).tolist() == list(range(19))
    assert labels[:3].tolist() == [7, 8, 11]


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (np.zeros((4, 6, 3), np.uint8), r"holds colours \(RGB\) where a label picture holds one"),
        (np.full((4, 6), 40, np.uint8), "holds the label 40, which is none of the 34 of citysc"),
        (np.full((4, 6), 300, np.uint16), "holds the label 300, which is none"),
        (np.full((4, 7), 7, np.uint8), r"has 6 x 4 pixels and .* 7 x 4; a label picture must"),
    ],
)
def test_what_is_wrong_with_a_label_picture_is_said_before_training(
    tmp_path: Path, label: np.ndarray, sentence: str
) -> None:
    root = cityscapes(tmp_path)
    save(root / "gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png", label)
    with pytest.raises(InputError, match=sentence):
        check_subjects(find_subjects(root, ["rgb"]), CITYSCAPES)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"no picture", "is no PNG or JPEG"), (None, "cannot be read")]
)
def test_a_damaged_picture_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = next(ade20k(tmp_path).glob("images/training/*"))
    path.write_bytes(path.read_bytes()[:-150] if content is None else content)
    with pytest.raises(InputError, match=sentence) as error:
        check_subjects(find_subjects(tmp_path, ["rgb"]), ADE20K)
    assert str(path) in str(error.value)


def test_an_image_without_labels_is_named_with_the_place_of_labels(tmp_path: Path) -> None:
    root = cityscapes(tmp_path)
    (root / "gtFine/val/lindau/lindau_000003_000019_gtFine_labelIds.png").unlink()
    with pytest.raises(InputError, match=r"lindau_000003_000019 below .* has no mask.*gtFine/SIDE"):
        find_subjects(root, ["rgb"])


def test_pictures_have_one_modality(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="whose only modality is rgb; got flair,t1"):
        find_subjects(cityscapes(tmp_path))


def test_a_task_ignores_only_labels_that_are_no_class() -> None:
    table = {"labels": {0: "a", 1: "b", 2: "void"}, "classes": ["a", "b"], "name": "x"}
    assert Task(**table, ignored=["void"]).class_of_label == {0: 0, 1: 1, 2: 255}
    assert Task(**table).class_of_label[2] == 0
    for name in ("b", "nothing"):
        with pytest.raises(ValueError, match=f"ignored names '{name}'"):
            Task(**table, ignored=[name])
