"""Subjects as MONAI items, and their preprocessed volumes, cached."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import CacheDataset, PersistentDataset
from monai.data.utils import pickle_hashing
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor
from torch import Tensor

from medabl.data.subject import Subject


def subject_item(subject: Subject) -> dict[str, Any]:
    """The dictionary that MONAI's transforms start from.

    Keys: each modality and, if there is one, ``label`` (file names); ``subject`` (id); ``files``,
    size and time of change of each file, so that a cache notices a file that was replaced.
    """
    files = dict(subject.images)
    if subject.label is not None:
        files["label"] = subject.label
    stats = [path.stat() for path in files.values()]
    return {
        **{key: str(path) for key, path in files.items()},
        "subject": subject.id,
        "files": [(stat.st_size, stat.st_mtime_ns) for stat in stats],
    }


def cached_volumes(
    subjects: Sequence[Subject],
    ids: Sequence[str],
    transform: Callable[..., Any],
    cache_dir: str | Path | None = None,
) -> CacheDataset:
    """Preprocessed volumes of some subjects, held in memory.

    Args:
        subjects: all subjects.
        ids: the ids of those wanted, in this order.
        transform: MONAI transforms from `subject_item` to a volume.
        cache_dir: folder that keeps the results from run to run; their names are hashes of the
            item and of the transforms with all their settings, so a changed one is made anew.

    Returns:
        the volumes, as dictionaries.
    """
    by_id = {subject.id: subject for subject in subjects}
    items = [subject_item(by_id[i]) for i in ids]
    if cache_dir is None:
        return CacheDataset(items, transform, copy_cache=False, progress=False)
    stored = PersistentDataset(
        items,
        transform,
        cache_dir=Path(cache_dir),
        hash_transform=pickle_hashing,
    )
    return CacheDataset(stored, copy_cache=False, progress=False)


def above_noise(image: Tensor) -> Tensor:
    """Voxels above a tenth of an image's range: head rather than air, for MONAI's `CropForeground`.

    Args:
        image: C x ..., scaled to [0, 1].

    Returns:
        bool of the same shape.
    """
    return image > 0.1


class LesionLabeld(MapTransform):
    """One label as foreground (uint8 1), all others, "other pathology" too, as background.

    Args:
        keys: keys of the label maps; values are rounded, so float and integer files agree.
        value: the label that counts.
        allow_missing_keys: do nothing where a key is missing.

    Example:
        >>> LesionLabeld("label")({"label": torch.tensor([[0.0, 1.0, 2.0]])})["label"]
        metatensor([[0, 1, 0]], dtype=torch.uint8)

    Source: protocol of Kervadec et al. 2021 (label 2 of the WMH challenge is background).
    """

    def __init__(
        self, keys: KeysCollection, value: int = 1, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.value = value

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the label maps; shapes stay."""
        result = dict(data)
        for key in self.key_iterator(result):
            label = convert_to_tensor(result[key], track_meta=True)
            result[key] = (label.round() == self.value).to(torch.uint8)
        return result
