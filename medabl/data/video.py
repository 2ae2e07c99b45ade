"""Videos on disk: a folder of frames, and one of masks whose values number the objects."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from medabl.data.pictures import read_picture
from medabl.data.subject import Subject
from medabl.data.subjects import find_layout, find_subjects
from medabl.errors import InputError
from medabl.files import is_picture
from medabl.processors import processor_count

_GREY = ("P", "L", "1")
_COLOURS = ("RGB", "RGBA")


def is_video(subject: Subject) -> bool:
    """Whether a subject's image is a folder of frames."""
    return all(path.is_dir() for path in subject.images.values())


def check_videos(subjects: Sequence[Subject]) -> None:
    """See that videos are whole: nothing missing between their frames, all of one size.

    Videos that validate need a mask for every frame; in those that only train, frames without one
    are passed over.

    Raises:
        InputError: naming the first file that is missing or is not as its fellows.
    """
    with ThreadPoolExecutor(processor_count()) as pool:
        for _ in pool.map(_check, subjects):
            pass


def further_videos(data: Path | None) -> list[Subject]:
    """The videos of a further data set, which only train: found and checked.

    Args:
        data: its folder; None: there are none.

    Raises:
        InputError: if they cannot be used.
    """
    if data is None:
        return []
    layout = find_layout(data.expanduser())
    if layout is not None and layout.IMAGES not in (None, "videos"):
        raise InputError(
            f"{data} holds {layout.IMAGES} ({layout.NAME}), and clips are taken from videos only;"
            " name another data set, or leave it out."
        )
    videos = find_subjects(data, ["rgb"])
    check_videos(videos)
    return videos


def masked_frames(subject: Subject) -> list[tuple[Path, Path]]:
    """Frame and mask of every frame of a video that has a mask, in order.

    Raises:
        InputError: if a mask has no frame, or there is no frame or no mask.
    """
    assert subject.label is not None
    frames = {path.stem: path for path in _frames(subject)}
    masks = sorted(subject.label.glob("[!.]*.png"))
    lost = next((path for path in masks if path.stem not in frames), None)
    if lost is not None:
        raise InputError(
            f"{lost} has no frame in {subject.images['rgb']}; add the missing frame, or take the"
            " mask out."
        )
    if not masks:
        raise InputError(f"{subject.label} holds no mask (*.png); add the video's masks.")
    return [(frames[path.stem], path) for path in masks]


def read_mask(path: Path) -> npt.NDArray[np.uint8]:
    """A mask: H x W numbers of objects, 0 for the background.

    A palette's indices are the numbers. A mask of 0 and 255 is that of one object, number 1.

    Raises:
        InputError: if it is no image, or holds colours instead of numbers.
    """
    with _opened(path) as image:
        ids = _ids(path, image)
    return (ids > 0).astype(np.uint8) if set(np.unique(ids)) <= {0, 255} else ids


def read_video(subject: Subject) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """All frames of a video that have a mask, F x H x W x 3, and the masks, F x H x W.

    Raises:
        InputError: if a file is missing or cannot be used.
    """
    frames, masks = zip(*masked_frames(subject), strict=True)
    return np.stack([read_picture(path) for path in frames]), np.stack(
        [read_mask(path) for path in masks]
    )


def _frames(subject: Subject) -> list[Path]:
    folder = subject.images["rgb"]
    paths = sorted(p for p in folder.iterdir() if is_picture(p.name) and not p.name.startswith("."))
    if not paths:
        raise InputError(f"{folder} holds no frame (*.jpg); add the video's frames.")
    return paths


def _check(subject: Subject) -> None:
    pairs = masked_frames(subject)
    if subject.side != "train":
        _refuse_gaps(subject, [frame for frame, _ in pairs])
    first, size = pairs[0][0], None
    for frame, mask in pairs:
        with _opened(frame) as image, _opened(mask) as label:
            size = size or image.size
            for path, found in ((frame, image.size), (mask, label.size)):
                if found != size:
                    raise InputError(
                        f"{path} has {_shown(found)} pixels, but {first} {_shown(size)}; all frames"
                        " and masks of a video need one size."
                    )
            if label.mode not in _GREY:
                _ids(mask, label)


def _refuse_gaps(subject: Subject, masked: Sequence[Path]) -> None:
    bare = next((path for path in _frames(subject) if path not in set(masked)), None)
    if bare is not None:
        raise InputError(
            f"{bare} has no mask in {subject.label}; the evaluation needs one for every frame."
        )
    numbers = {int(frame.stem) for frame in masked if frame.stem.isdigit()}
    missing = sorted(set(range(min(numbers, default=0), max(numbers, default=0))) - numbers)
    if missing:
        raise InputError(
            f"{subject.images['rgb']} lacks {len(missing)} of its frames, the first of them"
            f" {missing[0]:05d}; add them, a sequence is evaluated as a whole."
        )


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image that can be read; replace it.") from error


def _ids(path: Path, image: Image.Image) -> npt.NDArray[np.uint8]:
    try:
        values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except OSError as error:
        raise InputError(f"{path} is damaged ({error}); replace it.") from error
    if image.mode in _COLOURS and (values[..., :3] == values[..., :1]).all():
        return values[..., 0]
    if image.mode not in _GREY:
        raise InputError(
            f"{path} is a picture of mode {image.mode}, but the values of a mask number the"
            " objects: save the palette image as it is (mode P), not its colours."
        )
    return values.astype(np.uint8)


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
