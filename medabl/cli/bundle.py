"""`medabl bundle`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medabl.cli.app import app, says_what_is_wrong, tell


class EpochName(StrEnum):
    """Epochs that a run keeps."""

    best = "best"
    last = "last"


@app.command()
@says_what_is_wrong
def bundle(
    run: Annotated[Path, typer.Option(help="Folder of a run.")],
    out: Annotated[Path, typer.Option(help="New folder for the bundle.")],
    epoch: Annotated[EpochName, typer.Option(help="Whose weights.")] = EpochName.best,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write the network as ONNX, too (medabl[onnx]).")
    ] = False,
) -> None:
    """Make a MONAI Bundle of a run, for inference without medabl."""
    from medabl.export.bundle import write_bundle

    write_bundle(run, out, epoch.value, onnx)
    tell(f"Bundle: {out}")
