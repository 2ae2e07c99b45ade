"""Which loss for one's own subjects: candidates cross-validated under the recommended recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from medabl.data import find_subjects, groups_of
from medabl.engine import load_config
from medabl.experiments.comparison import LEAVE_ONE_OUT, METHODS, PRESETS
from medabl.experiments.options import Options
from medabl.experiments.reproduce import Settings, reproduce
from medabl.statistics import LEVEL

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


def recommendation(out: Path) -> str:
    """Which loss to use, in a sentence or two: the recipe's, unless another is shown to be better.

    Args:
        out: folder of a finished `recommend`.
    """
    config = load_config(PRESETS[_PRESET].configs, {})
    recipe = str(config["methods"][config["method"]]["label"])
    tests = pd.read_csv(out / "tests.csv")
    tests = tests[(tests["metric"] == "dsc") & (tests["epoch"] == "last")]
    better = tests[tests["distinguishable"] & (tests["mean_difference"] > 0)]
    if len(better):
        names = " or ".join(better.sort_values("mean_difference")["method"][::-1])
        more = " Train with further seeds first (--seeds 0,1,2)." * int(better["seeds"].max() == 1)
        return f"{names} is better than the recipe's loss, {recipe}, beyond noise: use it.{more}"
    subjects = int(tests["subjects"].max())
    if tests["smallest_possible_p"].min() > LEVEL:
        shown = f"{subjects} subjects are too few to show it"
    else:
        least = tests["detectable_difference"].max()
        shown = (
            f"what {subjects} subjects show in four of five cases is a difference of {least:.2f}"
            " 3D DSC"
        )
    return (
        f"Use the recipe's loss, {recipe} (medabl reproduce --preset recommended): no other is"
        f" shown to be better; {shown}."
    )
