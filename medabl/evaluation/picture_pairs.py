"""Which predicted label picture belongs to which reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from medabl.data.subjects import find_layout
from medabl.errors import InputError
from medabl.files import reading, walk

Pair = tuple[Path, Path]
_ENDING = ".png"


def match_pictures(pred: Path, ref: Path) -> list[Pair]:
    """Pair predicted label pictures with references.

    Two files are a pair. Of two folders:

    - References are the label pictures of a data set (Cityscapes, ADE20K), else all PNG files; a
      picture's id is the subject's (``val/CITY/NAME``), or its path in the folder.
    - A prediction is called like its reference: ``val/CITY/NAME.png``, as medabl writes it; of a
      data set also NAME.png or NAME_ANYTHING.png at any place.
    - Of a data set with a split, only those sides are evaluated of which there are predictions.

    Args:
        pred: file or folder of predictions.
        ref: file or folder of references.

    Returns:
        prediction and reference, sorted by id.

    Raises:
        InputError: if a path does not exist, one is a file and the other a folder, or a prediction
            or a reference is without its fellow or has several.
    """
    for path in (pred, ref):
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    if pred.is_file() and ref.is_file():
        return [(pred, ref)]
    if pred.is_file() or ref.is_file():
        raise InputError(f"{pred} and {ref} must be two files or two folders.")
    with reading(ref):
        references, sides = _references(ref)
    if not references:
        raise InputError(f"{ref} holds no label picture (*.png) to be the reference.")
    names = {id_.rpartition("/")[2]: id_ for id_ in references} if sides else {}
    found: dict[str, Path] = {}
    with reading(pred):
        for file in _pictures(pred):
            id_ = _reference_of(
                file.relative_to(pred).with_suffix("").as_posix(), references, names
            )
            if id_ is None:
                raise InputError(
                    f"{file} has no reference: {ref} holds none of that name; predictions are"
                    " called like their references."
                )
            if id_ in found:
                raise InputError(f"{found[id_]} and {file} are both of {id_}; keep one.")
            found[id_] = file
    sides_found = {sides.get(id_) for id_ in found}
    wanted = [id_ for id_ in references if not found or sides.get(id_) in sides_found]
    lacking = [id_ for id_ in wanted if id_ not in found]
    if lacking:
        more = f" (and {len(lacking) - 1} more like it)" if len(lacking) > 1 else ""
        raise InputError(
            f"{references[lacking[0]]} has no prediction: {pred} holds no picture for"
            f" {lacking[0]}{more}."
        )
    return [(found[id_], references[id_]) for id_ in sorted(found)]


def _references(ref: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Reference and side of the split (empty without one), by id."""
    layout = find_layout(ref)
    if layout is None or layout.IMAGES != "pictures":
        files = _pictures(ref)
        return {file.relative_to(ref).with_suffix("").as_posix(): file for file in files}, {}
    subjects = [subject for subject in layout.list_subjects(ref, ["rgb"], None) if subject.label]
    return (
        {subject.id: subject.label for subject in subjects if subject.label},
        {subject.id: str(subject.side) for subject in subjects},
    )


def _reference_of(id_: str, references: Collection[str], names: Mapping[str, str]) -> str | None:
    if id_ in references:
        return id_
    name = id_.rpartition("/")[2]
    while name and name not in names:
        name = name.rpartition("_")[0]
    return names.get(name)


def _pictures(folder: Path) -> list[Path]:
    return [base / name for base, names in walk(folder) for name in names if name.endswith(_ENDING)]
