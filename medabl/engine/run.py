"""One run, from its config to its finished folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml
from rich.console import Console

from medabl.data import Cohort, check_subjects, check_suitable, describe_groups, load_cohort
from medabl.engine.begin import check_same_config, check_same_data, note_changed_environment
from medabl.engine.build import build, carry_out, parse
from medabl.engine.config import settings_of
from medabl.engine.device import pick_device
from medabl.engine.distributed import process_group, wait_for_others
from medabl.engine.handlers import CheckpointHandler
from medabl.engine.recipe import write_recipe
from medabl.engine.settings import Settings
from medabl.errors import DivergedError, InputError
from medabl.files import check_writable, write_text
from medabl.processors import is_first_process
from medabl.runs import RunFolder, load_checkpoint, load_newest, locked


def train(config: Mapping[str, Any], check: bool = True) -> RunFolder:
    """Carry out a run: train, predict, evaluate; or what of it is missing.

    Of several processes, as torchrun starts them, all train and the first one does everything else.
    A finished run is left as it is; an interrupted one goes on after its last whole epoch, if
    settings, split and the content of the subjects' files are what they were.

    Args:
        config: as from `load_config`.
        check: read and check all files first.

    Returns:
        the run's folder.

    Raises:
        InputError: if config, data or folder cannot be used, before anything is written.
        DivergedError: if the loss becomes NaN or infinite.
    """
    settings = settings_of(config)
    folder = RunFolder.at(settings.run_dir)
    with process_group(pick_device(settings.device)):
        cohort = find_cohort(settings)
        done = folder.status() == "done"
        wait_for_others()  # until all have seen the folder as it was
        if done:
            check_same_config(folder, config)
            check_same_data(folder, cohort)
        elif is_first_process():
            check_writable(folder.path)
            if check:
                check_cohort(cohort, settings)
            with locked(folder.path):
                _carry_out(folder, config, settings, cohort)
        else:
            _train_along(config, settings, cohort)
    return folder


def find_cohort(settings: Settings) -> Cohort:
    """The subjects of a run and their split.

    Raises:
        InputError: if there is no `data`, or it cannot be used.
    """
    if settings.data is None:
        raise InputError("data is not set: say where the subjects are, data=FOLDER.")
    check_suitable(settings.data, settings.task)
    return load_cohort(
        settings.data,
        settings.modalities,
        mask_name=settings.mask_name,
        validation=settings.validation,
        test=settings.test,
        folds=settings.folds,
        fold=settings.fold,
        split=settings.split,
        split_seed=settings.split_seed,
        group_by=settings.group_by,
    )


def check_cohort(cohort: Cohort, settings: Settings) -> None:
    """Read and check every file of a cohort; doubts and groups are told on standard error.

    Raises:
        InputError: naming the first bad file.
    """
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always")
        check_subjects(cohort.subjects, settings.task, settings.slice_axis)
    for doubt in doubts:
        _tell(f"Warning: {doubt.message}")
    if told := describe_groups(cohort.split["groups"], cohort.split["group_by"]):
        _tell(told)


def _carry_out(
    folder: RunFolder, config: Mapping[str, Any], settings: Settings, cohort: Cohort
) -> None:
    # Without a whole epoch there is nothing to lose, and whatever stopped the run may be mended.
    newest, trouble = load_newest(folder.checkpoint("last"))
    if newest is not None:
        check_same_config(folder, config)
        check_same_data(folder, cohort)
        load_checkpoint(folder.checkpoint("best"))  # read again when the training has ended
    if trouble is not None:
        _tell(f"{trouble} The run goes on from the checkpoint before it.")
    with _quiet():
        parser = parse(config, settings, cohort)
        build(parser, settings)
        text = yaml.safe_dump(dict(config), sort_keys=False)
        recipe = write_recipe(config, parse(config, settings, cohort))
        for handler in parser.get_parsed_content("handlers"):
            if isinstance(handler, CheckpointHandler):
                handler.description = {"config": text, "recipe": recipe}
        if newest is None:
            folder.begin({"warnings": []})  # a folder with a run.json can be begun again
            write_text(folder.config, text)
        elif note := note_changed_environment(folder):
            _tell(f"Warning: {note}")
        try:
            carry_out(parser)
        except DivergedError as error:
            folder.update(status="failed", error=str(error))
            raise


def _train_along(config: Mapping[str, Any], settings: Settings, cohort: Cohort) -> None:
    """The part of all processes but the first, which writes what comes of it."""
    with _quiet():
        parser = parse(config, settings, cohort)
        build(parser, settings)
        parser.get_parsed_content("trainer").run()


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Schedulers and loaders warn about their own defaults; nothing in them is the user's.
        warnings.simplefilter("ignore")
        # What ends a training is told once, by whoever began it.
        logging.getLogger("ignite").setLevel(logging.CRITICAL)
        yield


def _tell(sentence: str) -> None:
    Console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)
