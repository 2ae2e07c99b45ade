"""`medabl convert`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medabl.cli.app import app, names, says_what_is_wrong, tell


class LayoutName(StrEnum):
    """Layouts that can be written."""

    nnunet = "nnunet"
    wmh = "wmh"


@app.command()
@says_what_is_wrong
def convert(
    data: Annotated[Path, typer.Option(help="Data set, in any layout that medabl reads.")],
    to: Annotated[
        LayoutName, typer.Option(help="nnU-Net v2's raw data or the WMH challenge's folders.")
    ],
    out: Annotated[Path, typer.Option(help="New folder; for nnU-Net nnUNet_raw/Dataset101_NAME.")],
    modalities: Annotated[str, typer.Option(help="Images, in channel order.")] = "flair,t1",
) -> None:
    """Write a data set in another layout."""
    from medabl.export import convert_data

    subjects = convert_data(data, to.value, out, names(modalities))
    tell(f"{len(subjects)} subjects in {out}")
