"""Pictures and label pictures (PNG, JPEG): read, checked, and as tensors for a network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from PIL import Image, UnidentifiedImageError

from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import atomic_path
from medabl.processors import processor_count
from medabl.task import Task

_NUMBERS = ("L", "P", "I", "I;16", "1")
"""Modes of Pillow's in which a pixel is one number; of a palette picture the palette's index."""


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """A picture's colours; grey ones and palettes are made colours.

    Returns:
        H x W x 3.

    Raises:
        InputError: if the file is no picture or damaged.
    """
    with _opened(path) as picture:
        return np.array(picture.convert("RGB"))


def read_label_picture(path: Path, task: Task) -> npt.NDArray[np.uint8]:
    """The class of each pixel of a label picture.

    Args:
        path: a picture with a number a pixel, grey or with a palette.
        task: what the numbers stand for.

    Returns:
        H x W channels of the task, `medabl.task.IGNORED` where a label is ignored.

    Raises:
        InputError: if the file is no picture or damaged, holds colours, or numbers that are no
            label of the task.
    """
    with _opened(path) as picture:
        if picture.mode not in _NUMBERS:
            raise InputError(
                f"{path} holds colours ({picture.mode}) where a label picture holds one number a"
                " pixel; take the file with the numbers, or write it again with its palette."
            )
        labels = np.array(picture).astype(np.int64)
    found = np.unique(labels)
    strange = found[~np.isin(found, list(task.labels))]
    if strange.size:
        first, last = min(task.labels), max(task.labels)
        raise InputError(
            f"{path} holds the label {strange[0]}, which is none of the {len(task.labels)} of"
            f" {task.name} ({first} to {last}): map the labels first, or add it to task::labels."
        )
    return task.to_classes(labels.astype(np.uint8))


def write_label_picture(path: Path, classes: npt.NDArray[np.uint8], task: Task) -> None:
    """Write channels of a task, H x W, as a PNG of its label values."""
    with atomic_path(path) as temporary:
        Image.fromarray(task.to_labels(classes)).save(temporary)


def check_pictures(subjects: Sequence[Subject], task: Task) -> None:
    """Read all pictures and label pictures of all subjects, one on each processor at a time.

    Raises:
        InputError: as the readers, or if the sizes of a picture and its labels differ.
    """
    load = LoadPictured(task, keys=list(subjects[0].images))

    def check(subject: Subject) -> None:
        load({key: str(path) for key, path in subject.files.items()})

    with ThreadPoolExecutor(processor_count()) as pool:
        for _ in pool.map(check, subjects):
            pass


class LoadPictured(MapTransform):
    """Read a picture and, if there is one, its label picture.

    The picture becomes float32, 3 x H x W, from 0 to 255; the labels uint8 channels of the task,
    1 x H x W, `medabl.task.IGNORED` where a label is ignored.

    Args:
        task: what the labels stand for.
        keys: key of the picture's file name.
        label_key: key of the label picture's; an item need not have it.

    Raises:
        InputError: at call if a file cannot be used, or their sizes differ.
    """

    def __init__(self, task: Task, keys: KeysCollection = "rgb", label_key: str = "label") -> None:
        super().__init__(keys)
        self.task = task
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add ``image``, and read the labels, in place of file names."""
        result = dict(data)
        (path,) = (Path(result.pop(key)) for key in self.key_iterator(data))
        picture = read_picture(path)
        result["image"] = torch.from_numpy(picture).permute(2, 0, 1).float().contiguous()
        if self.label_key in result:
            label_path = Path(result[self.label_key])
            labels = read_label_picture(label_path, self.task)
            _check_same_size(path, picture, label_path, labels)
            result[self.label_key] = torch.from_numpy(labels)[None]
        return result


def _opened(path: Path) -> Image.Image:
    try:
        picture = Image.open(path)
        picture.load()
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no PNG or JPEG picture; convert it.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    return picture


def _check_same_size(
    path: Path, picture: npt.NDArray[Any], label_path: Path, labels: npt.NDArray[Any]
) -> None:
    if picture.shape[:2] != labels.shape:
        (height, width), (h, w) = picture.shape[:2], labels.shape
        raise InputError(
            f"{path} has {width} x {height} pixels and {label_path} {w} x {h}; a label picture must"
            " have the size of its picture."
        )
