"""Finding subjects on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medabl.errors import InputError
from medabl.files import read_json, walk

_SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Subject:
    """One subject's files.

    Attributes:
        id: path of the subject's folder below the root (``Amsterdam/GE3T/100``).
        site: the id without its last part (``Amsterdam/GE3T``), empty when there is none.
        images: modality -> file, in the order asked for.
        label: the lesion mask, if there is one.
    """

    id: str
    site: str
    images: dict[str, Path]
    label: Path | None

    @property
    def stem(self) -> str:
        """The id as a file name."""
        return self.id.replace("/", "_")


def find_subjects(
    root: str | Path, modalities: Sequence[str] = ("flair", "t1"), labelled: bool = True
) -> list[Subject]:
    """Find the subjects below a folder.

    Two layouts are known. The WMH challenge's: any folder, at any depth, with
    ``pre/FLAIR.nii.gz`` (and ``pre/T1.nii.gz``, one file a modality, case ignored) and
    ``wmh.nii.gz``. The Medical Segmentation Decathlon's: a ``dataset.json`` in `root`, whose
    ``image`` entries are one 3D file or a list of them in the order of ``modality``.

    Args:
        root: the folder.
        modalities: names of the images to use, in channel order.
        labelled: whether every subject needs a mask.

    Returns:
        the subjects, sorted by id (numbers by value).

    Raises:
        InputError: if there is no subject, or one lacks a modality or its mask.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; give the folder that holds the subjects.")
    if not modalities or len(set(modalities)) < len(modalities):
        raise InputError(f"modalities must be different names such as flair,t1; got {modalities}.")
    if (root / "dataset.json").is_file():
        subjects = _decathlon(root, modalities)
    else:
        folders = [base.parent for base, _ in walk(root) if base.name == "pre" and base != root]
        subjects = [_challenge(root, folder, modalities) for folder in folders]
    if not subjects:
        raise InputError(
            f"No subject below {root}: looked at any depth for folders with pre/FLAIR.nii.gz"
            " (and pre/T1.nii.gz) and wmh.nii.gz, and for a Decathlon-style dataset.json."
        )
    for subject in subjects:
        if labelled and subject.label is None:
            raise InputError(
                f"Subject {subject.id} below {root} has no mask; training and evaluation need"
                " wmh.nii.gz beside pre/ (or a label in dataset.json)."
            )
    return sorted(subjects, key=lambda subject: _natural(subject.id))


def _challenge(root: Path, folder: Path, modalities: Sequence[str]) -> Subject:
    files = {_stem(path).lower(): path for path in sorted((folder / "pre").iterdir())}
    files = {stem: path for stem, path in files.items() if path.name.endswith(_SUFFIXES)}
    images = {}
    for modality in modalities:
        if modality.lower() not in files:
            there = f"set the modalities to what is there, {','.join(files)}" if files else ""
            raise InputError(
                f"{folder / 'pre'} has no {modality.upper()}.nii.gz (it holds:"
                f" {', '.join(path.name for path in files.values()) or 'no NIfTI file'});"
                f" {' or '.join(filter(None, ('add it', there)))}."
            )
        images[modality] = files[modality.lower()]
    masks = [folder / f"wmh{suffix}" for suffix in _SUFFIXES if (folder / f"wmh{suffix}").is_file()]
    relative = folder.relative_to(root).as_posix()
    name = root.resolve().name if relative == "." else relative
    return Subject(name, name.rpartition("/")[0], images, masks[0] if masks else None)


def _decathlon(root: Path, modalities: Sequence[str]) -> list[Subject]:
    path = root / "dataset.json"
    try:
        description = read_json(path)
        names = {**description.get("modality", {}), **description.get("channel_names", {})}
        order = [names[key].lower() for key in sorted(names, key=int)]
        entries = description["training"]
        pairs = [(entry["image"], entry.get("label")) for entry in entries]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is not Decathlon-style: it needs 'modality' ({{'0': 'FLAIR', ...}}) and"
            f" 'training' ([{{'image': ..., 'label': ...}}, ...]); {error!r}."
        ) from error
    unknown = [name for name in modalities if name.lower() not in order]
    if unknown:
        raise InputError(f"{path} lists the modalities {order}, not {', '.join(unknown)}.")
    subjects = []
    for image, label in pairs:
        files = [image] if isinstance(image, str) else image
        if len(files) != len(order):
            raise InputError(
                f"{path}: 'image': {image!r} has {len(files)} file(s) for {len(order)} modalities;"
                " medabl needs a list with one 3D file a modality."
            )
        images = {name: root / files[order.index(name.lower())] for name in modalities}
        name = re.sub(r"_0000$", "", _stem(Path(label or files[0])))
        subjects.append(Subject(name, "", images, root / label if label else None))
    ids = [subject.id for subject in subjects]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InputError(f"{path} lists {', '.join(twice)} more than once.")
    return subjects


def _stem(path: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", path.name)


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", text)]
