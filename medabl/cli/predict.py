"""`medabl predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from medabl.cli.app import app, errors, says_what_is_wrong, tell
from medabl.errors import InputError, MissingImageError
from medabl.files import NIFTI_SUFFIXES, check_writable, is_picture

if TYPE_CHECKING:
    from medabl.engine import Predictor


@app.command()
@says_what_is_wrong
def predict(
    checkpoint: Annotated[
        list[Path],
        typer.Option(help="best.pt or last.pt of a run; several are averaged (repeat the option)."),
    ],
    out: Annotated[
        Path, typer.Option(help="Mask to write, .nii.gz or .png; with --data, a folder.")
    ],
    image: Annotated[
        list[Path] | None,
        typer.Option(help="One image a modality, in the order of training (repeat the option)."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of subjects instead: a mask for each.")
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Write the probability map, too.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run code that the checkpoint names or holds.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Segment a scan or picture, or all of a folder; masks lie on the grid of the first image."""
    from medabl.engine import load_predictor, scan_subject

    if (data is None) == (not image):
        raise InputError("Give either --image, once for each modality, or --data FOLDER.")
    endings = (".png",) if image and is_picture(image[0].name) else NIFTI_SUFFIXES
    if data is None and not out.name.endswith(endings):
        raise InputError(f"{out} must end in {' or '.join(endings)}.")
    _spare_the_scans(out, image or [], data)
    check_writable(out if data is not None else out.parent)
    predictor = load_predictor(checkpoint, device, trust)
    if data is not None:
        _predict_folder(predictor, data, out, probability)
        return
    subject = scan_subject(image or [], predictor.modalities)
    predictor.write_mask(subject, out, probability)
    tell(f"Mask: {out}")
    for file in predictor.probability_files(out) if probability else ():
        tell(f"Probability: {file}")


def _spare_the_scans(out: Path, images: list[Path], data: Path | None) -> None:
    """Refuse to write a mask over a scan, or among the scans of a data set."""
    if out.resolve() in [path.resolve() for path in images]:
        raise InputError(f"{out} is one of the images; choose another file for the mask.")
    if data is not None and out.resolve().is_relative_to(data.resolve()):
        raise InputError(f"{out} lies in the data set {data}; choose a folder outside it.")


def _predict_folder(predictor: Predictor, data: Path, out: Path, probability: bool) -> None:
    from medabl.data import check_subjects, find_subjects
    from medabl.report.words import count

    try:
        subjects = find_subjects(data, predictor.modalities, labelled=False)
    except MissingImageError as error:
        needed = ", ".join(predictor.modalities)
        raise InputError(
            f"{error.missing}; the checkpoint was trained on {needed} and needs"
            f" {'them all' if len(predictor.modalities) > 1 else 'it'} of every subject: add what"
            " is missing, or name other data or another checkpoint."
        ) from error
    check_subjects(subjects, predictor.task, predictor.slice_axis)
    silent = not errors.is_terminal
    for subject in track(subjects, "Predicting", console=errors, transient=True, disable=silent):
        mask = out / subject.relative_path
        ending = ".png" if subject.is_picture else ".nii.gz"
        predictor.write_mask(subject, mask.with_name(f"{mask.name}{ending}"), probability)
    tell(f"{count(len(subjects), 'mask')} in {out}")
    for file in predictor.probability_files(Path("SUBJECT.nii.gz")) if probability else ():
        tell(f"Probability: {file}, beside the mask of each")
