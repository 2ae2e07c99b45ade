"""The Medical Segmentation Decathlon's ``dataset.json``, which lists every file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import fspath
from pathlib import Path, PurePosixPath
from typing import Any

from medabl.data.layouts import nnunet
from medabl.data.layouts.description import channels_of, read_description
from medabl.data.subject import Subject
from medabl.errors import InputError
from medabl.files import nifti_stem, read_json

NAME = "Decathlon"
IMAGES = "scans"
LOOKS_FOR = "a dataset.json that lists 'training' files (Decathlon)"
MASKS = "the 'label' of each entry of dataset.json"
MASKS_BY_NAME = False


def recognizes(root: Path) -> bool:
    """Whether there is a ``dataset.json`` that lists training files, or cannot be read."""
    path = root / "dataset.json"
    try:
        lists = "training" in read_json(path)
    except (OSError, ValueError, TypeError):
        lists = path.is_file()
    return lists and not nnunet.recognizes(root)


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every entry of ``training``: one 3D file, or a list of them by channel."""
    path = root / "dataset.json"
    description = read_description(root)
    *channels, count = channels_of(root, description, modalities)
    try:
        listed = [_files(entry) for entry in description["training"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not Decathlon-style: it needs 'modality' ({{'0': 'FLAIR', ...}}) and"
            f" 'training' ([{{'image': ..., 'label': ...}}, ...]); {error!r}."
        ) from error
    for files, _ in listed:
        if len(files) != count:
            raise InputError(
                f"{path}: 'image': {files} has {len(files)} file(s) for {count} modalities;"
                " medabl needs a list with one 3D file a modality."
            )
    ids = _ids([label or files[0] for files, label in listed])
    subjects = []
    for name, (files, label) in zip(ids, listed, strict=True):
        images = {m: root / files[c] for m, c in zip(modalities, channels, strict=True)}
        mask = root / label if label else None
        subjects.append(Subject(name, name.rpartition("/")[0], images, mask))
    return subjects


def _files(entry: Mapping[str, Any]) -> tuple[list[str], str | None]:
    image, label = entry["image"], entry.get("label")
    files = [image] if isinstance(image, str) else [fspath(file) for file in image]
    return files, fspath(label) if label else None


def _ids(files: Sequence[str]) -> list[str]:
    """Names of the files or, where these are not different, of the folders they lie in."""
    paths = [PurePosixPath(file) for file in files]
    stems = [nifti_stem(path.name).removesuffix("_0000") for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    parents = [path.parent.as_posix() for path in paths]
    if len(set(stems)) == 1 and len(set(parents)) > 1 and "." not in parents:
        return parents
    return [path.with_name(stem).as_posix() for path, stem in zip(paths, stems, strict=True)]
