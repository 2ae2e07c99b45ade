"""Which prediction belongs to which reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from medabl.data.layouts import wmh
from medabl.data.subjects import find_layout
from medabl.errors import InputError
from medabl.evaluation.case import Case
from medabl.files import is_nifti, is_picture, nifti_stem, reading, walk

# The challenge's names for the mask in a subject's folder: reference and result.
_MASK_NAMES = ("wmh", "result")
_IMAGE = Path("pre") / "FLAIR.nii.gz"


class Problem(NamedTuple):
    """Something left out: of which subject, which file, and one sentence why."""

    subject: str
    file: str
    reason: str


class _Reference(NamedTuple):
    file: Path
    site: str
    image: Path | None


def match_cases(
    pred: Path, ref: Path, mask_name: str | None = None
) -> tuple[list[Case], list[Problem]]:
    """Pair predictions with references.

    Two files are one case. Of two folders:

    - References are the masks of a data set in any layout of `medabl.data.layouts`; else all NIfTI
      files ``SUBJECT.nii.gz``. SUBJECT with its folders (``Amsterdam/GE3T/100``) is the subject,
      the folders above it are the site.
    - Its prediction is ``SUBJECT.nii.gz``, as medabl writes it, or the only NIfTI file in the
      folder SUBJECT (``Amsterdam/GE3T/100/anything.nii.gz``), or either with ``_`` for ``/``
      (``Amsterdam_GE3T_100.nii.gz``) where that can be no other subject's. If the predictions'
      folder has files called ``wmh.nii.gz`` or ``result.nii.gz``, no others count.

    Args:
        pred: file or folder of predictions.
        ref: file or folder of references.
        mask_name: what the references of a data set are called, as in `find_subjects`.

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
        if is_picture(ref.name):
            raise InputError(f"{ref} is a picture; name its task (--task cityscapes.yaml).")
        name = ref.parent.resolve().name if _stem(ref) in _MASK_NAMES else _stem(ref)
        return [Case(name, "", pred, ref, _image_of(ref))], []

    with reading(ref):
        references = _references(ref, mask_name)
    if not references:
        raise InputError(
            f"{ref} holds no NIfTI file (.nii.gz or .nii) to be the reference; where it holds"
            " pictures, name their task (--task cityscapes.yaml)."
        )
    found, problems, unknown = _predictions_of(references, pred, ref)
    cases: list[Case] = []
    for subject, masks in sorted(references.items()):
        problem = _mismatch(subject, [mask.file for mask in masks], found[subject], pred)
        if problem:
            problems.append(problem)
        else:
            mask = masks[0]
            cases.append(Case(subject, mask.site, found[subject][0], mask.file, mask.image))
    return cases, problems + unknown


def _references(ref: Path, mask_name: str | None) -> dict[str, list[_Reference]]:
    layout = find_layout(ref, mask_name)
    if layout is None and mask_name is not None:
        raise InputError(
            f"mask_name={mask_name} has no meaning for {ref}, whose files are not laid out by"
            " subject; leave it out."
        )
    if layout is not None and layout.IMAGES not in (None, "scans"):
        raise InputError(
            f"{ref} holds {layout.IMAGES} ({layout.NAME}); name their task"
            " (--task cityscapes.yaml)."
        )
    references: dict[str, list[_Reference]] = defaultdict(list)
    if layout is None or (layout is wmh and mask_name is None):
        for file in _masks_in(ref):
            subject = _subject_of(file, ref)
            site = subject.rpartition("/")[0]
            references[subject].append(_Reference(file, site, _image_of(file)))
        return references
    try:
        subjects = layout.list_subjects(ref, ("flair",), mask_name)
    except InputError:
        # No image is needed to evaluate, only to show what was evaluated.
        subjects = layout.list_subjects(ref, (), mask_name)
    for case in subjects:
        if case.label is not None:
            reference = _Reference(case.label, case.site, case.images.get("flair"))
            references[case.id].append(reference)
    return references


def _predictions_of(
    references: Mapping[str, object], pred: Path, ref: Path
) -> tuple[dict[str, list[Path]], list[Problem], list[Problem]]:
    """The predictions of each reference, and the files that could be several's or are none's."""
    by_flat_name: dict[str, list[str]] = defaultdict(list)
    for subject in references:
        by_flat_name[_flat(subject)].append(subject)
    found: dict[str, list[Path]] = {subject: [] for subject in references}
    ambiguous, unknown = [], []
    for file in _masks_in(pred):
        names = (_subject_of(file, pred), _relative(file.parent, pred))
        meant = next(([name] for name in names if name in references), None)
        meant = meant or next(filter(None, (by_flat_name.get(_flat(n)) for n in names)), [])
        if len(meant) == 1:
            found[meant[0]].append(file)
        elif meant:
            reason = (
                f"{file} may be the prediction of {' or of '.join(meant)}: write it as"
                f" {' or as '.join(f'{subject}.nii.gz' for subject in meant)} below {pred}."
            )
            ambiguous.append(Problem(names[0], str(file), reason))
        else:
            reason = f"{file} has no reference: {ref} holds no subject of that name."
            unknown.append(Problem(names[0], str(file), reason))
    return found, ambiguous, unknown


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
    files = sorted(base / name for base, names in walk(folder) for name in names if is_nifti(name))
    masks = [file for file in files if _stem(file) in _MASK_NAMES]
    return masks or files


def _subject_of(file: Path, root: Path) -> str:
    if _stem(file) in _MASK_NAMES:
        return _relative(file.parent, root) or root.resolve().name
    return _relative(file.with_name(_stem(file)), root)


def _relative(path: Path, root: Path) -> str:
    relative = path.relative_to(root).as_posix()
    return "" if relative == "." else relative


def _flat(subject: str) -> str:
    return subject.replace("/", "_")


def _stem(file: Path) -> str:
    return nifti_stem(file.name) if is_nifti(file.name) else file.stem


def _image_of(reference: Path) -> Path | None:
    image = reference.parent / _IMAGE
    return image if image.is_file() else None


def _listed(files: list[Path]) -> str:
    return " and ".join(str(file) for file in files)
