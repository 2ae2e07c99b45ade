"""Config files and overrides: settings (plain values) and wiring (references), read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from medabl.engine.components import component_problems, referred_keys
from medabl.engine.settings import Settings, check_settings, closest
from medabl.errors import ConfigError, InputError

WIRING = "wiring.yaml"
_SEPARATOR = "::"
FURTHER_PATHS = ("weights", "also_train")
"""Keys that some configs have beside the settings, whose values are names of files too."""

_PATHS = ("data", "run_dir", "split", "cache_dir", *FURTHER_PATHS)
_BELOW = "laid_over"
_METHOD_KEYS = ("label", "loss", "distance_map")


def packaged_config(name: str) -> Path:
    """A config that comes with medabl, by its file name (``wmh.yaml``)."""
    try:
        folder = Path(str(resources.files("medabl.configs")))
    except ModuleNotFoundError:  # a checkout on the path, not installed
        folder = Path(__file__).parents[2] / "configs"
    return folder / name


def load_config(files: Sequence[str | Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Read configs, later ones over earlier ones, override keys, and check all of it.

    Under the files lies medabl's ``wiring.yaml``, which says what the settings are wired to, and
    under a file those that it names as ``laid_over``.

    Args:
        files: YAML or JSON files in MONAI's config syntax; a bare name that is no file is looked up
            among medabl's own.
        overrides: key -> value; nested keys as ``optimizer::lr`` or ``optimizer.lr``.

    Returns:
        settings and wiring in one dictionary, references unresolved, file names absolute.

    Raises:
        InputError: if a file cannot be read; a `ConfigError` naming everything that is wrong: keys
            that mean nothing, values that are not allowed, arguments that a component does not
            take.
    """
    parser = ConfigParser({})
    try:
        named = [packaged_config(WIRING), *map(_config_file, files)]
        parser.read_config(
            list(dict.fromkeys(p for path in named for p in _with_those_below(path)))
        )
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"The config {' '.join(map(str, files))} cannot be read: {reason}"
        ) from None
    problems = []
    for key, value in overrides.items():
        problem = _override(parser, key.replace("#", _SEPARATOR).replace(".", _SEPARATOR), value)
        problems += [problem] if problem else []
    config: dict[str, Any] = parser.get()
    for key in (ConfigParser.meta_key, _BELOW):
        config.pop(key, None)
    for key in _PATHS:
        if isinstance(config.get(key), str):
            config[key] = str(Path(config[key]).expanduser().resolve())
    if not problems:
        problems = _problems(config)
    if problems:
        raise ConfigError(problems)
    # The wiring gets the values that were checked: a number that YAML took for text is one now.
    typed = settings_of(config).model_dump()
    plain = {key: typed[key] for key in typed if key not in ("task", *_PATHS)}
    return config | {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The typed settings of a config.

    Raises:
        InputError: if one is not allowed.
    """
    settings, problems = check_settings(_settings_part(config))
    if settings is None:
        raise InputError("\n".join(problems))
    return settings


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


def _problems(config: Mapping[str, Any]) -> list[str]:
    _, problems = check_settings(_settings_part(config))
    wiring = set(yaml.safe_load(packaged_config(WIRING).read_text(encoding="utf-8")))
    known = [*Settings.model_fields, *sorted(wiring)]
    used = referred_keys(config)
    for key in config:
        if key not in known and key not in used:
            problems.append(f"The config has no key {key!r}; {closest(key, Settings.model_fields)}")
    problems += [
        f"Something refers to @{key}, which is no key; {closest(key, config)}"
        for key in sorted(used - set(config))
    ]
    methods = config.get("methods", {})
    for name, method in methods.items():
        for key in _METHOD_KEYS:
            if not isinstance(method, dict) or key not in method:
                problems.append(f"methods::{name} lacks {key!r}: a method has {_METHOD_KEYS}.")
    method = config.get("method")
    if isinstance(method, str) and method and method not in methods:
        problems.append(f"method={method} is not known; {closest(method, methods)}")
    return problems + component_problems(config)


def _settings_part(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in Settings.model_fields if key in config}


def _config_file(file: str | Path) -> Path:
    path = Path(file)
    packaged = packaged_config(path.name)
    if not path.is_file() and path.name == str(file) and packaged.is_file():
        return packaged
    return path


def _with_those_below(path: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """A config file, after those that it says it is laid over."""
    content = ConfigParser.load_config_file(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold keys with values, such as 'epochs: 5'.")
    if path in above:
        raise ValueError(f"{path} is laid over itself.")
    names = content.get(_BELOW, [])
    below = [_config_file(name) for name in ([names] if isinstance(names, str) else names)]
    return [p for file in below for p in _with_those_below(file, (*above, path))] + [path]


def _override(parser: ConfigParser, key: str, value: Any) -> str | None:
    parent, _, _ = key.rpartition(_SEPARATOR)
    if parent and not (parent in parser and isinstance(parser[parent], dict)):
        top = key.split(_SEPARATOR)[0]
        if top in parser:
            return f"The config has no key {key!r}: {parent} has no parts."
        return f"The config has no key {key!r}; {closest(top, parser.get())}"
    listed = key in parser and isinstance(parser[key], (list, tuple))
    if listed and isinstance(value, str) and not value.startswith(("$", "@")):
        value = [_number(yaml.safe_load(part)) for part in value.split(",")]
    elif listed and not isinstance(value, (str, list, tuple)) and value is not None:
        value = [value]
    parser[key] = value
    return None


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
