"""`medabl phantom`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medabl.cli.app import app, says_what_is_wrong, tell


class PhantomSize(StrEnum):
    """Sizes of the phantom's volumes."""

    small = "small"
    full = "full"


@app.command()
@says_what_is_wrong
def phantom(
    out: Annotated[Path, typer.Argument(help="Folder for the cohort.")],
    subjects: Annotated[int, typer.Option(help="How many subjects.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed, another cohort.")] = 0,
    size: Annotated[PhantomSize, typer.Option(help="Size of the volumes.")] = PhantomSize.full,
) -> None:
    """Make a phantom cohort in the WMH challenge's layout."""
    from medabl.data import write_phantom_cohort

    folders = write_phantom_cohort(out, subjects=subjects, seed=seed, size=size.value)
    tell(f"{len(folders)} subjects in {out}")
