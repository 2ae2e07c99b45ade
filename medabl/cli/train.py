"""`medabl train`."""

from __future__ import annotations

from typing import Annotated

import typer

from medabl.cli.app import app, says_what_is_wrong, tell
from medabl.errors import InputError
from medabl.processors import is_first_process


@app.command()
@says_what_is_wrong
def train(
    config: Annotated[
        list[str],
        typer.Argument(help="Config files (YAML), later over earlier, then key=value overrides."),
    ],
) -> None:
    """Carry out one run: medabl train wmh.yaml data=ROOT run_dir=OUT method=gdl_abl."""
    from medabl.engine import load_config, parse_overrides
    from medabl.engine import train as run

    files = [
        text for text in config if text.endswith((".yaml", ".yml", ".json")) and "=" not in text
    ]
    if not files:
        raise InputError("Name at least one config file, such as wmh.yaml.")
    overrides = parse_overrides([text for text in config if text not in files])
    folder = run(load_config(files, overrides))
    if is_first_process():
        tell(f"Run: {folder.path}")
