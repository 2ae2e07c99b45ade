"""The WMH Segmentation Challenge's folders: ``pre/FLAIR.nii.gz`` and ``wmh.nii.gz``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from medabl.data.layouts.modalities import there_instead
from medabl.data.subject import Subject
from medabl.errors import InputError, MissingImageError
from medabl.files import is_nifti, nifti_stem, walk

NAME = "WMH challenge"
IMAGES = "scans"
LOOKS_FOR = (
    "folders at any depth with pre/FLAIR.nii.gz (and pre/T1.nii.gz) and wmh.nii.gz (WMH challenge)"
)
MASKS = "wmh.nii.gz beside pre/ (mask_name=NAME for another name)"
MASKS_BY_NAME = True


def recognizes(root: Path) -> bool:
    """Whether there is a folder ``pre`` below `root`."""
    return any(base.name == "pre" and base != root for base, _ in walk(root))


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every folder that has a folder ``pre``; names of images in any case."""
    folders = {base: [name for name in names if is_nifti(name)] for base, names in walk(root)}
    subjects = []
    for pre in folders:
        if pre.name != "pre" or pre == root:
            continue
        folder = pre.parent
        relative = folder.relative_to(root).as_posix()
        name = root.resolve().name if relative == "." else relative
        images = _images(pre, folders[pre], modalities)
        mask = _mask(folder, folders[folder], mask_name or "wmh")
        subjects.append(Subject(name, name.rpartition("/")[0], images, mask))
    return subjects


def _images(pre: Path, names: Sequence[str], modalities: Sequence[str]) -> dict[str, Path]:
    # Of FLAIR.nii and FLAIR.nii.gz the second counts, by which the challenge goes.
    files = {nifti_stem(name).lower(): pre / name for name in sorted(names, key=len)}
    missing = next((name for name in modalities if name.lower() not in files), None)
    if missing is not None:
        held = ", ".join(names) or "no NIfTI file"
        instead = there_instead(modalities, sorted(files))
        there = f", or set the modalities to what is there, {instead}" if files else ""
        raise MissingImageError(
            f"{pre} has no {missing.upper()}.nii.gz (it holds: {held})", f"add it{there}"
        )
    return {name: files[name.lower()] for name in modalities}


def _mask(folder: Path, names: Sequence[str], mask_name: str) -> Path | None:
    found = {nifti_stem(name): folder / name for name in sorted(names, key=len)}
    masks = [path for stem, path in found.items() if fnmatch(stem, mask_name)]
    if len(masks) > 1:
        raise InputError(
            f"{' and '.join(map(str, masks))} are both called {mask_name}; keep one, or set"
            " mask_name."
        )
    return masks[0] if masks else None
