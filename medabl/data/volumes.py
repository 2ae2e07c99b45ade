"""Subjects as MONAI items, and their preprocessed volumes, cached."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.config import KeysCollection
from monai.data import CacheDataset, MetaTensor, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.transforms import Compose, MapTransform, Transform
from torch import Tensor

from medabl.data.axes import SliceAxis, axes_with_slices_last
from medabl.data.labels import read_labels
from medabl.data.nifti import Volume, check_same_grid, read_nifti
from medabl.data.subject import Subject
from medabl.fingerprints import take_fingerprints
from medabl.task import WMH, Task


def subject_item(subject: Subject) -> dict[str, Any]:
    """The dictionary that MONAI's transforms start from.

    Keys: each modality and, if there is one, ``label`` (file names); ``subject`` (id).
    """
    return {**{key: str(path) for key, path in subject.files.items()}, "subject": subject.id}


def cached_volumes(
    subjects: Sequence[Subject],
    transform: Callable[..., Any],
    cache_dir: str | Path | None = None,
) -> CacheDataset:
    """Preprocessed volumes of some subjects, held in memory as `SlicesFirst` lays them out.

    Args:
        subjects: whose volumes, in this order.
        transform: MONAI transforms from `subject_item` to a volume.
        cache_dir: folder that keeps the results from run to run; their names are hashes of the
            files' content and of the transforms with all their settings, so what changed is made
            anew.

    Returns:
        the volumes, as dictionaries, with the ``affine`` of their ``image`` if it has one.
    """
    items = [subject_item(subject) for subject in subjects]
    located = Compose([transform, AffineBeside()])
    if cache_dir is None:
        chain = Compose([located, SlicesFirst()])
        return CacheDataset(items, chain, progress=False, copy_cache=False, as_contiguous=False)
    contents = take_fingerprints({subject.id: subject.files for subject in subjects})
    stored = PersistentDataset(
        [{**item, "content": contents[item["subject"]]} for item in items],
        located,
        cache_dir=Path(cache_dir),
        hash_transform=pickle_hashing,
    )
    return CacheDataset(
        stored, SlicesFirst(), progress=False, copy_cache=False, as_contiguous=False
    )


class AffineBeside(Transform):
    """Put the affine of an item's image beside it: a disk cache keeps tensors without metadata."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The item, with an ``affine`` (4 x 4) if its image has one."""
        affine = getattr(data.get("image"), "affine", None)
        return {**data, **({} if affine is None else {"affine": affine})}


class SlicesFirst(Transform):
    """Lay the tensors of an item out so that each slice along the last axis is one block of memory.

    Shapes and values stay. `medabl.data.SliceDataset` then gives views: nothing is held twice.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The item, its tensors laid out anew."""
        return {
            key: slices_first(value) if isinstance(value, Tensor) and key != "affine" else value
            for key, value in data.items()
        }


def slices_first(tensor: Tensor) -> Tensor:
    """A tensor of the same shape whose last axis is the first in memory."""
    return tensor.movedim(-1, 0).contiguous().movedim(0, -1)


def foreground(image: Tensor) -> Tensor:
    """Head rather than air, for MONAI's `CropForeground`.

    That is voxels above a tenth of a channel's range, or above a quarter of what one voxel in a
    hundred exceeds, where that is less: a few voxels far brighter than any tissue are no range.

    Args:
        image: C x ..., scaled to [0, 1].

    Returns:
        bool of the same shape.
    """
    channels = image.flatten(1)
    bright = channels.kthvalue(-(-99 * channels.shape[1] // 100)).values
    return image > (bright / 4).clamp_max(0.1).view(-1, *[1] * (image.ndim - 1))


class LoadVolumed(MapTransform):
    """Read a subject's images and, if there is one, its mask, however they are stored.

    Each image becomes a float32 `MetaTensor` 1 x H x W x D, the mask one of uint8 class indices
    (labels of no class are background). The axes are X, Y, Z of `medabl.data.nifti.Volume`, with
    the one that slices are taken along last; the affine in the metadata is that of these axes.

    It is the first of the transforms and is not undone when they are inverted:
    `medabl.data.write_like` writes what comes back as the scan is stored.

    Args:
        keys: keys of the images' file names.
        task: what the values of a mask stand for.
        slice_axis: "axial", "coronal" or "sagittal".
        label_key: key of the mask's file name; a subject need not have it.

    Raises:
        InputError: at construction if there is no such slice axis, at call if a file cannot be
            used or is not on the grid of the first.
    """

    def __init__(
        self,
        keys: KeysCollection,
        task: Task = WMH,
        slice_axis: SliceAxis = "axial",
        label_key: str = "label",
    ) -> None:
        super().__init__(keys)
        # As plain data, which look the same in every process: a disk cache is named by them.
        self.task = task.model_dump()
        self.axes = axes_with_slices_last(slice_axis)
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace file names by what is in the files."""
        result = dict(data)
        volumes = {key: read_nifti(Path(result[key])) for key in self.key_iterator(result)}
        dtypes: dict[Hashable, type] = dict.fromkeys(volumes, np.float32)
        if self.label_key in result:
            task = Task(**self.task)
            labels = read_labels(Path(result[self.label_key]), task)
            volumes[self.label_key] = replace(labels, data=task.to_classes(labels.data))
            dtypes[self.label_key] = np.uint8
        first, *others = volumes.values()
        for other in others:
            check_same_grid(first, other)
        return {**result, **{k: self._tensor(v, dtypes[k]) for k, v in volumes.items()}}

    def _tensor(self, volume: Volume, dtype: type) -> MetaTensor:
        # A copy in one order of memory: the file's order must not show in a sum's last digit.
        values: npt.NDArray[Any] = np.array(volume.data.transpose(self.axes), dtype, order="C")
        return MetaTensor(
            torch.from_numpy(values)[None],
            affine=torch.from_numpy(volume.affine[:, [*self.axes, 3]]),
            meta={"filename_or_obj": str(volume.path)},
        )
