"""BIDS: ``sub-X/[ses-Y/]anat/*_FLAIR.nii.gz``, masks below ``derivatives/``."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from medabl.data.subject import Subject
from medabl.errors import InputError, MissingImageError
from medabl.files import is_nifti, nifti_stem, walk

NAME = "BIDS"
IMAGES = "scans"
LOOKS_FOR = "sub-*/[ses-*/]anat/*_FLAIR.nii.gz with masks below derivatives/ (BIDS)"
MASKS = (
    "files below derivatives/ with the scan's sub- and ses- and a name that ends in"
    " label-lesion_mask, label-WMH_mask, desc-lesion_mask, lesion, wmh, dseg or mask"
    " (mask_name=END for another one)"
)
MASKS_BY_NAME = True

# Ends of the names of masks, in lower case. The first that any file has holds for all.
_MASK_ENDS = (
    *(f"{key}-{name}*_mask" for key in ("label", "desc") for name in ("lesion", "wmh")),
    *("lesion*_mask", "wmh*_mask", "lesion*", "wmh*", "_dseg", "_mask"),
)
_NO_LESIONS = ("*desc-brain*", "*label-brain*", "*brainmask*")
# What BIDS calls the modalities that other layouts name otherwise.
_SUFFIXES = {"t1": "t1w", "t2": "t2w", "pd": "pdw"}

Scan = tuple[str, str]
"""``sub-X`` and ``ses-Y``, the second empty where there are no sessions."""


def recognizes(root: Path) -> bool:
    """Whether there is ``sub-*/anat`` or ``sub-*/ses-*/anat``."""
    if not root.is_dir():
        return False
    return any(
        (folder / "anat").is_dir()
        for patient in _folders(root, "sub-")
        for folder in (patient, *_folders(patient, "ses-"))
    )


def list_subjects(
    root: Path, modalities: Sequence[str], mask_name: str | None = None
) -> list[Subject]:
    """A subject for every session (or patient, without sessions) that has a folder ``anat``."""
    scans: dict[Scan, list[Path]] = {}
    derived: dict[Scan, list[Path]] = defaultdict(list)
    for base, names in walk(root):
        parts = base.relative_to(root).parts
        files = [base / name for name in names if is_nifti(name)]
        if re.fullmatch(r"sub-[^/]+/(ses-[^/]+/)?anat", "/".join(parts)):
            scans[(parts[0], parts[1] if len(parts) == 3 else "")] = files
        for file in files:
            derived[_scan_of(file.relative_to(root))].append(file)
    masks = _masks(derived, mask_name)
    sites = _sites(root / "participants.tsv")
    subjects = []
    for scan, files in scans.items():
        name = "/".join(filter(None, scan))
        images = _images(root / name / "anat", files, modalities)
        found = [mask for mask in masks.get(scan, []) if mask not in images.values()]
        if len(found) > 1:
            raise InputError(
                f"{' and '.join(map(str, found))} may both be the mask of {name}; set mask_name to"
                " the end of the right one's name."
            )
        subjects.append(
            Subject(name, sites.get(scan[0], ""), images, found[0] if found else None, scan[0])
        )
    return subjects


def _folders(folder: Path, start: str) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name.startswith(start) and path.is_dir())


def _scan_of(path: Path) -> Scan:
    """The scan a file belongs to, by the entities of its name or of the folders above it."""
    text = "/" + path.as_posix()
    patient, session = (re.findall(rf"[/_]({key}-[A-Za-z0-9]+)", text) for key in ("sub", "ses"))
    return (patient[-1] if patient else "", session[-1] if session else "")


def _sites(participants: Path) -> dict[str, str]:
    """The column ``site`` of the participants, where there is one."""
    if not participants.is_file():
        return {}
    text = participants.read_text(encoding="utf-8-sig", errors="replace")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    sites = {row.get("participant_id", ""): row.get("site") or "" for row in rows}
    return {patient: site for patient, site in sites.items() if site != "n/a"}


def _images(folder: Path, files: Sequence[Path], modalities: Sequence[str]) -> dict[str, Path]:
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_suffix[nifti_stem(file.name).rpartition("_")[2].lower()].append(file)
    images = {}
    for modality in modalities:
        suffix = _SUFFIXES.get(modality.lower(), modality.lower())
        found = by_suffix.get(suffix, [])
        which = "say which file is meant in a table, subjects.csv"
        if not found:
            names = ", ".join(file.name for file in files) or "no NIfTI file"
            raise MissingImageError(
                f"{folder} has no image with the suffix {suffix!r} for {modality} (it holds:"
                f" {names})",
                f"set the modalities to what is there, or {which}",
            )
        if len(found) > 1:
            raise InputError(
                f"{folder} has more than one image with the suffix {suffix!r} for {modality}"
                f" ({', '.join(file.name for file in found)}); {which}."
            )
        images[modality] = found[0]
    return images


def _masks(files: Mapping[Scan, list[Path]], mask_name: str | None) -> dict[Scan, list[Path]]:
    """The files of each scan that have the name of a mask."""
    for end in (mask_name.lower(),) if mask_name else _MASK_ENDS:
        found = {scan: [file for file in files[scan] if _is_mask(file, end)] for scan in files}
        if any(found.values()):
            return found
    return {}


def _is_mask(file: Path, end: str) -> bool:
    stem = nifti_stem(file.name).lower()
    brain = any(fnmatch(stem, pattern) for pattern in _NO_LESIONS)
    return fnmatch(stem, f"*{end}") and not brain
