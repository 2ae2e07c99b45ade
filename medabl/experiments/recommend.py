"""Which loss for one's own subjects: candidates cross-validated under the recommended recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from medabl.data import find_subjects, groups_of
from medabl.engine import load_config
from medabl.experiments.comparison import LEAVE_ONE_OUT, METHODS, PRESETS
from medabl.experiments.options import Options
from medabl.experiments.reproduce import Settings, reproduce

_PRESET = "recommended"
_RIVAL = "dice_ce"
_FOLDS = 5


def recommend(
    data: Path,
    out: Path,
    *,
    modalities: Sequence[str],
    folds: int | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    overrides: Mapping[str, Any] | None = None,
    options: Options,
    console: Console,
) -> Path:
    """Cross-validate the recipe's loss, Dice + CE and the paper's three, all else alike.

    Every subject is predicted by networks that have not seen it; the report ends in a sentence
    that names the loss to use, says how sure to be, and what choosing it by this comparison is
    worth to the next subject.

    Args:
        data: folder with the subjects.
        out: folder for runs, table, figures and report.
        modalities: images to use, in channel order.
        folds: of the cross-validation; by default each of up to five patients is held out in
            turn, and more are divided into five folds.
        seeds: of the runs.
        device: ``auto``, ``cpu``, ``cuda``, ...
        overrides: further config keys.
        options: how the runs are carried out.
        console: where to tell about it.

    Returns:
        the path of ``report.html``.

    Raises:
        InputError: if data, arguments or the output folder cannot be used; before any training.
        UnfinishedError: if a run failed.
    """
    config = load_config(PRESETS[_PRESET].configs, {"data": str(data), **(overrides or {})})
    patients = len(groups_of(find_subjects(data, modalities), config["group_by"]))
    if folds is None and patients > LEAVE_ONE_OUT:
        folds = _FOLDS
    return reproduce(
        Settings(
            data=data,
            out=out,
            preset=_PRESET,
            seeds=tuple(seeds),
            modalities=tuple(modalities),
            folds=folds,
            device=device,
            methods=tuple(dict.fromkeys([config["method"], _RIVAL, *METHODS])),
            overrides=dict(overrides or {}),
            reference=config["method"],
            options=options,
        ),
        console,
    )


def recipe_loss() -> str:
    """The label of the recipe's loss: what to use where no other is shown to be better."""
    config = load_config(PRESETS[_PRESET].configs, {})
    return str(config["methods"][config["method"]]["label"])
