"""Clips of videos for training, and whole videos for validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from medabl.data.pictures import read_picture
from medabl.data.subject import Subject
from medabl.data.video import masked_frames, read_mask, read_video

_MEAN = (0.485, 0.456, 0.406)
_SD = (0.229, 0.224, 0.225)
_TRIES = 10


class ClipDataset(Dataset[dict[str, Tensor]]):
    """Random clips of videos, each a function of (seed, epoch, index).

    As Oh et al. (2019) describe: a few frames in their order, between which frames are skipped; how
    many at most grows from none in the first epoch to `most_skipped` in the last. All frames of a
    clip are cropped alike, around a pixel of an object in its first frame.

    A clip is a dictionary: `image`, T x 3 x H x W, normalised with ImageNet's mean and standard
    deviation; `label`, T x H x W, 0 for background and 1 to `objects` for the objects.

    Args:
        videos: subjects whose image and label are folders.
        size: height and width of the crop in pixels; smaller videos are enlarged.
        epochs: of the training.
        frames: T.
        most_skipped: frames left out between two of a clip, at most, in the last epoch.
        objects: of a video's objects so many, drawn at random; 1 takes them all as one.
        clips: of an epoch; all videos take their turn before one comes again. None: one of each.
        seed: the run's seed.
    """

    def __init__(
        self,
        videos: Sequence[Subject],
        size: Sequence[int],
        epochs: int,
        frames: int = 3,
        most_skipped: int = 25,
        objects: int = 1,
        clips: int | None = None,
        seed: int = 0,
    ) -> None:
        self.videos = [masked_frames(video) for video in videos]
        self.size = (int(size[0]), int(size[1]))
        self.epochs = epochs
        self.frames = frames
        self.most_skipped = most_skipped
        self.objects = objects
        self.clips = clips
        self.seed = seed
        self._epoch = torch.ones((), dtype=torch.long).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from 1, of the clips drawn from now on."""
        self._epoch.fill_(epoch)

    @property
    def skipped(self) -> int:
        """How many frames may be left out between two of a clip in the epoch last set."""
        share = (int(self._epoch) - 1) / max(1, self.epochs - 1)
        return round(self.most_skipped * min(1.0, share))

    def __len__(self) -> int:
        return self.clips or len(self.videos)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, int(self._epoch), index])
        clip = self._draw(self._video(index), rng)
        pictures = torch.from_numpy(np.stack([read_picture(frame) for frame, _ in clip]))
        masks = np.stack([read_mask(mask) for _, mask in clip])
        label = torch.from_numpy(choose_objects(masks, self.objects, rng))
        image, label = _enlarged(normalised(pictures), label, self.size)
        rows, columns = _window(label[0].numpy(), self.size, rng)
        return {"image": image[:, :, rows, columns], "label": label[:, rows, columns].long()}

    def _video(self, index: int) -> list[tuple[Path, Path]]:
        turn, place = divmod((int(self._epoch) - 1) * len(self) + index, len(self.videos))
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.videos))
        return self.videos[order[place]]

    def _draw(
        self, video: list[tuple[Path, Path]], rng: np.random.Generator
    ) -> list[tuple[Path, Path]]:
        """Frames and masks of a clip, the first of them with an object if one is found."""
        for _ in range(_TRIES):
            clip = [video[i] for i in draw_frames(len(video), self.frames, self.skipped, rng)]
            if read_mask(clip[0][1]).any():
                break
        return clip


class VideoDataset(Dataset[dict[str, Tensor]]):
    """Whole videos with their masks: `image`, F x 3 x H x W, and `label`, F x H x W.

    Args:
        videos: subjects whose image and label are folders.
        objects: 1 takes the objects of a video as one; more: each by its number.
    """

    def __init__(self, videos: Sequence[Subject], objects: int = 1) -> None:
        self.videos = list(videos)
        self.objects = objects

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        frames, masks = read_video(self.videos[index])
        label = (masks > 0).astype(np.uint8) if self.objects == 1 else masks
        return {"image": normalised(torch.from_numpy(frames)), "label": torch.from_numpy(label)}


def draw_frames(length: int, frames: int, skipped: int, rng: np.random.Generator) -> list[int]:
    """The numbers of a clip's frames, in order.

    Args:
        length: frames of the video; of one that is too short the last is repeated.
        frames: of the clip.
        skipped: left out between two of them, at most; fewer where the video is short.
        rng: what they are drawn from.
    """
    room = max(0, (length - 1) // max(1, frames - 1) - 1)
    steps = 1 + rng.integers(0, min(skipped, room) + 1, frames - 1)
    start = int(rng.integers(0, max(1, length - int(steps.sum()))))
    return [min(length - 1, int(i)) for i in start + np.concatenate([[0], np.cumsum(steps)])]


def choose_objects(
    masks: npt.NDArray[np.uint8], objects: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Masks, T x H x W, with some objects of the first frame numbered from 1; 1: all are one."""
    if objects == 1:
        return (masks > 0).astype(np.uint8)
    there = np.setdiff1d(masks[0], [0])
    table = np.zeros(256, np.uint8)
    chosen = rng.permutation(there)[:objects]
    table[chosen] = np.arange(1, len(chosen) + 1)
    return table[masks]


def normalised(pictures: Tensor) -> Tensor:
    """Colours from 0 to 255, T x H x W x 3, as T x 3 x H x W with ImageNet's mean 0 and sd 1."""
    mean, sd = torch.tensor(_MEAN), torch.tensor(_SD)
    return ((pictures / 255 - mean) / sd).permute(0, 3, 1, 2).contiguous()


def _enlarged(image: Tensor, label: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A clip that is at least as large as the crop."""
    height, width = label.shape[1:]
    factor = max(size[0] / height, size[1] / width)
    if factor <= 1:
        return image, label
    larger = (max(size[0], round(factor * height)), max(size[1], round(factor * width)))
    finer = F.interpolate(label[:, None].float(), size=larger, mode="nearest-exact")
    return F.interpolate(image, size=larger, mode="bilinear"), finer[:, 0].to(label.dtype)


def _window(
    mask: npt.NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator
) -> tuple[slice, ...]:
    """A window around a pixel of an object, anywhere where there is none."""
    inside = np.argwhere(mask)
    anchor = rng.choice(inside) if len(inside) else [rng.integers(n) for n in mask.shape]
    starts = []
    for at, length, whole in zip(anchor, size, mask.shape, strict=True):
        first, last = max(0, at - length + 1), min(at, whole - length)
        starts.append(int(rng.integers(first, last + 1)))
    return tuple(slice(start, start + length) for start, length in zip(starts, size, strict=True))
