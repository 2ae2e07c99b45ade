"""One run, from its config to its finished folder."""

from __future__ import annotations

import difflib
import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser, ConfigWorkflow

from medabl.data import check_subjects, find_subjects
from medabl.engine.device import pick_device
from medabl.engine.run_folder import RunFolder
from medabl.errors import InputError
from medabl.files import write_text

_SEPARATOR = "::"
_PATHS = ("data", "run_dir", "split", "cache_dir")
# Where a run computes may change between its parts; what it computes may not.
_MAY_CHANGE = ("device", "num_workers", "cache_dir", "tensorboard")


def packaged_config(name: str) -> Path:
    """A config that comes with medabl, by its file name (``wmh.yaml``)."""
    try:
        folder = Path(str(resources.files("medabl.configs")))
    except ModuleNotFoundError:  # a checkout on the path, not installed
        folder = Path(__file__).parents[2] / "configs"
    return folder / name


def load_config(files: Sequence[str | Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Read MONAI Bundle configs, later ones over earlier ones, and override keys.

    Args:
        files: YAML or JSON files; a bare name that is no file is looked up among medabl's own.
        overrides: key -> value; nested keys as ``optimizer::lr`` or ``optimizer.lr``.

    Returns:
        the config, references unresolved, file names absolute.

    Raises:
        InputError: if a file cannot be read, or a key is not in the config.
    """
    parser = ConfigParser({})
    try:
        parser.read_config([_config_file(file) for file in files])
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"The config {' '.join(map(str, files))} cannot be read: {error}"
        ) from None
    for key, value in overrides.items():
        _override(parser, key.replace("#", _SEPARATOR).replace(".", _SEPARATOR), value)
    config: dict[str, Any] = parser.get()
    config.pop(ConfigParser.meta_key, None)
    for key in _PATHS:
        if isinstance(config.get(key), str):
            if "#" in config[key]:
                raise InputError(
                    f"{key}={config[key]}: MONAI's configs cannot hold a '#' in a path."
                )
            config[key] = str(Path(config[key]).expanduser().resolve())
    return config


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """``key=value`` arguments as a dictionary, values read as YAML.

    Raises:
        InputError: if one is not of that form.
    """
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"{text!r} is neither a config file nor key=value.")
        overrides[key] = value if key in _PATHS and value != "null" else _value(text, value)
    return overrides


def train(config: Mapping[str, Any], check: bool = True) -> RunFolder:
    """Carry out a run: train, predict, evaluate; or what of it is missing.

    A finished run is left as it is; an interrupted one goes on after its last whole epoch.

    Args:
        config: as from `load_config`.
        check: read and check all files first.

    Returns:
        the run's folder.

    Raises:
        InputError: if the config or the data cannot be used, or the run folder holds a run with
            other settings.
    """
    folder = RunFolder.at(config.get("run_dir"))
    text = yaml.safe_dump(dict(config), sort_keys=False)
    status = folder.status()
    if status != "absent":
        _check_same_config(folder, config)
    if status == "done":
        return folder
    if not config.get("data"):
        raise InputError("data is not set: say where the subjects are, data=FOLDER.")
    pick_device(config["device"])
    if check:
        check_subjects(find_subjects(config["data"], config["modalities"]))
    write_text(folder.config, text)
    with warnings.catch_warnings():
        # Schedulers and loaders warn about their own defaults; nothing in them is the user's.
        warnings.simplefilter("ignore")
        logging.getLogger(ConfigWorkflow.__module__).setLevel(logging.ERROR)
        workflow = ConfigWorkflow(
            str(folder.config),
            meta_file=str(packaged_config("metadata.json")),
            logging_file=False,
            workflow_type="train",
        )
        try:
            workflow.initialize()
            workflow.run()
        except RuntimeError as error:
            mistake = _mistake_in(error)
            if mistake is None:
                raise
            raise mistake from error
    return folder


def _config_file(file: str | Path) -> Path:
    path = Path(file)
    packaged = packaged_config(path.name)
    if not path.is_file() and path.name == str(file) and packaged.is_file():
        return packaged
    return path


def _override(parser: ConfigParser, key: str, value: Any) -> None:
    parent, _, _ = key.rpartition(_SEPARATOR)
    if key not in parser and (not parent or parent not in parser):
        known = [name for name in parser.get() if not name.startswith("_")]
        close = difflib.get_close_matches(key.split(_SEPARATOR)[0], known, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(known)}."
        raise InputError(f"The config has no key {key!r}; {hint}")
    if key in parser and isinstance(parser[key], list) and isinstance(value, str):
        value = [_number(part.strip()) for part in value.split(",")]
    parser[key] = value


def _value(text: str, value: str) -> Any:
    try:
        return _number(yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise InputError(
            f"The value of {text!r} is not YAML: {' '.join(str(error).split())}"
        ) from None


def _number(value: Any) -> Any:
    # YAML 1.1 reads 1e-3, without a dot, as a string.
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _check_same_config(folder: RunFolder, config: Mapping[str, Any]) -> None:
    if not folder.config.is_file():
        raise InputError(
            f"{folder.path} holds a run that was not made by medabl train; choose another run_dir."
        )
    old = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    keys = [key for key in {**old, **config} if key not in _MAY_CHANGE]
    changed = [key for key in keys if old.get(key) != config.get(key)]
    if changed:
        key = changed[0]
        raise InputError(
            f"{folder.path} holds a run with other settings ({key}: {old.get(key)!r}, now"
            f" {config.get(key)!r}); choose another run_dir, or remove it."
        )


def _mistake_in(error: BaseException | None) -> InputError | OSError | None:
    """What the user can mend behind MONAI's wrapped exceptions, if that is what it was."""
    while error is not None and not isinstance(error, (InputError, OSError)):
        error = error.__cause__ or error.__context__
    return error
