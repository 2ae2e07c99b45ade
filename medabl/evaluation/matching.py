"""Which prediction belongs to which reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from medabl.data.nifti import NIFTI_SUFFIXES
from medabl.errors import InputError
from medabl.evaluation.case import Case
from medabl.files import walk

# The challenge's names for the mask in a subject's folder: reference and result.
_MASK_NAMES = ("wmh", "result")
_IMAGE = Path("pre") / "FLAIR.nii.gz"


class Problem(NamedTuple):
    """Something left out: of which subject, which file, and one sentence why."""

    subject: str
    file: str
    reason: str


def match_cases(pred: Path, ref: Path) -> tuple[list[Case], list[Problem]]:
    """Pair predictions with references.

    Two files are one case. Of two folders:

    - References are the files ``SUBJECT/wmh.nii.gz`` at any depth, or, if there is none, all NIfTI
      files ``SUBJECT.nii.gz``. SUBJECT with its folders (``Amsterdam/GE3T/100``) is the subject,
      the folders above it are the site.
    - Its prediction is the NIfTI file of that name, ``/`` being written as ``/`` or as ``_``
      (``Amsterdam_GE3T_100.nii.gz``), or the only NIfTI file in the folder of that name
      (``Amsterdam/GE3T/100/anything.nii.gz``). If the predictions' folder has files called
      ``wmh.nii.gz`` or ``result.nii.gz``, no others count.

    Args:
        pred: file or folder of predictions.
        ref: file or folder of references.

    Returns:
        cases sorted by subject, and what could not be paired.

    Raises:
        InputError: if a path does not exist, one is a file and the other a folder, or the folder of
            references holds none.
    """
    for path in (pred, ref):
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    if pred.is_dir() != ref.is_dir():
        folder, file = (pred, ref) if pred.is_dir() else (ref, pred)
        raise InputError(
            f"{folder} is a folder and {file} is a file; give two files or two folders."
        )
    if ref.is_file():
        name = ref.parent.resolve().name if _stem(ref) in _MASK_NAMES else _stem(ref)
        return [Case(name, "", pred, ref, _image_of(ref))], []

    references = _grouped((_key(_subject_of(file, ref)), file) for file in _masks_in(ref))
    if not references:
        raise InputError(f"{ref} holds no NIfTI file (.nii.gz or .nii) to be the reference.")
    predictions = _masks_in(pred)
    by_name = _grouped((_key(_subject_of(file, pred)), file) for file in predictions)
    by_folder = _grouped((_key(_relative(file.parent, pred)), file) for file in predictions)

    cases: list[Case] = []
    problems: list[Problem] = []
    unused = set(predictions)
    for key, files in sorted(references.items()):
        subject = _subject_of(files[0], ref)
        found = sorted({*by_name.get(key, []), *by_folder.get(key, [])})
        unused.difference_update(found)
        problem = _mismatch(subject, files, found, pred)
        if problem:
            problems.append(problem)
        else:
            site = subject.rpartition("/")[0]
            cases.append(Case(subject, site, found[0], files[0], _image_of(files[0])))
    for file in sorted(unused):
        reason = f"{file} has no reference: {ref} holds no subject of that name."
        problems.append(Problem(_subject_of(file, pred), str(file), reason))
    return cases, problems


def _mismatch(
    subject: str, references: list[Path], found: list[Path], pred: Path
) -> Problem | None:
    if len(references) > 1:
        reason = f"{_listed(references)} are references of one subject, {subject}; keep one."
        return Problem(subject, str(references[0]), reason)
    if len(found) > 1:
        reason = f"{_listed(found)} are predictions of one subject, {subject}; keep one."
        return Problem(subject, str(found[0]), reason)
    if not found:
        reason = f"{references[0]} has no prediction: {pred} holds no file for subject {subject}."
        return Problem(subject, str(references[0]), reason)
    return None


def _masks_in(folder: Path) -> list[Path]:
    files = sorted(_nifti_files(folder))
    masks = [file for file in files if _stem(file) in _MASK_NAMES]
    return masks or files


def _nifti_files(folder: Path) -> Iterator[Path]:
    for base, names in walk(folder):
        for name in names:
            if name.endswith(NIFTI_SUFFIXES) and not name.startswith("."):
                yield base / name


def _subject_of(file: Path, root: Path) -> str:
    if _stem(file) in _MASK_NAMES:
        return _relative(file.parent, root) or root.resolve().name
    return _relative(file.with_name(_stem(file)), root)


def _relative(path: Path, root: Path) -> str:
    relative = path.relative_to(root).as_posix()
    return "" if relative == "." else relative


def _key(subject: str) -> str:
    return subject.replace("/", "_")


def _grouped(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for key, file in pairs:
        groups[key].append(file)
    return groups


def _stem(file: Path) -> str:
    suffix = next((s for s in NIFTI_SUFFIXES if file.name.endswith(s)), file.suffix)
    return file.name.removesuffix(suffix)


def _image_of(reference: Path) -> Path | None:
    image = reference.parent / _IMAGE
    return image if image.is_file() else None


def _listed(files: list[Path]) -> str:
    return " and ".join(str(file) for file in files)
