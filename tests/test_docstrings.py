"""Docstrings of public names: complete, and their examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

import medabl

PARTS = sorted(set(medabl.__all__) - {"__version__"})
TENSORS = {"geometry", "losses", "metrics", "networks", "transforms"}
OF_A_PAPER = {"losses", "metrics", "networks"}
ARRAY = re.compile(r"\b(Tensor|NDArray|ndarray|Array|Mask|Labels)\b")
SHAPE = re.compile(
    r"\b[\w)]+ x [\w(]|\bshape|\bscalar|without dimensions|\bof (length )?[A-Z]\b|\[x D\]"
)
UNIT = re.compile(r"\b(mm|voxels?|pixels?|percent|ml)\b|%")
SOURCE = re.compile(r"et al|\b(19|20)\d\d\b|MONAI|challenge", re.IGNORECASE)
NO_PAPER = {
    "losses.DeepSupervisedLoss",
    "losses.Schedule",
    "losses.ScheduledSum",
    "networks.load_weights",
}
LENGTHS = {"spacing", "max_distance", "tolerance", "tolerances", "radius"}


def _public(part: str) -> Iterator[tuple[str, Any]]:
    """(name, function or class) of what a package exports and medabl defines."""
    module = importlib.import_module(f"medabl.{part}")
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    for name in names:
        value = getattr(module, name)
        if callable(value) and getattr(value, "__module__", "").startswith("medabl."):
            yield f"{part}.{name}", value


PUBLIC = [item for part in PARTS for item in _public(part)]


def _callables(name: str, value: Any) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """(name, callable, docstring that says what its arguments are): methods, too."""
    if not inspect.isclass(value):
        yield name, value, inspect.getdoc(value) or ""
        return
    documented = "\n\n".join(inspect.getdoc(base) or "" for base in value.__mro__[:-1])
    if "__init__" in vars(value):
        yield name, value.__init__, documented
    for key, method in vars(value).items():
        plain = inspect.unwrap(getattr(method, "__func__", method))
        if inspect.isfunction(plain) and not key.startswith("_"):
            yield f"{name}.{key}", plain, inspect.getdoc(getattr(value, key)) or ""


CALLABLES = [found for name, value in PUBLIC for found in _callables(name, value)]


def _section(documented: str, heading: str) -> str:
    sections = re.findall(rf"^{heading}:\n((?:[ ]+.*\n?|\n)*)", documented, re.MULTILINE)
    return "\n".join(map(textwrap.dedent, sections))


def _arguments(documented: str) -> dict[str, str]:
    """Argument -> its description."""
    section = "\n".join(_section(documented, heading) for heading in ("Args", "Attributes"))
    found = re.findall(r"^([\w, *`]+?)(?: \([^)]*\))?: (.*(?:\n .*)*)", section, re.MULTILINE)
    return {name.strip(" *`"): text for names, text in found for name in names.split(",")}


def _raised(function: Callable[..., Any]) -> set[str]:
    """Names of the errors that stand behind a ``raise`` in the function and leave it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError):
        return set()
    guarded = (node.body for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers)
    caught = {inner for body in guarded for line in body for inner in ast.walk(line)}
    calls = (n.exc for n in ast.walk(tree) if isinstance(n, ast.Raise) and n not in caught)
    return {
        call.func.id
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    hidden = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("self", "cls", "data") and parameter.kind not in hidden
    ]


def test_there_are_many_public_names() -> None:
    assert len(PUBLIC) > 80
    assert len(CALLABLES) > 120


@pytest.mark.parametrize("name", [name for name, _ in PUBLIC])
def test_a_public_name_begins_with_a_sentence(name: str) -> None:
    documented = inspect.getdoc(dict(PUBLIC)[name]) or ""
    first = documented.split("\n\n")[0].strip()
    assert first.endswith((".", ":", "?")), name


@pytest.mark.parametrize(("name", "function", "documented"), CALLABLES,
                         ids=[name for name, *_ in CALLABLES])  # fmt: skip
def test_arguments_errors_shapes_and_units_are_told(
    name: str, function: Callable[..., Any], documented: str
) -> None:
    told = _arguments(documented)
    parameters = _parameters(function)
    if told or len(parameters) > 2:
        assert [p.name for p in parameters if p.name not in told] == [], "arguments"
    for error in _raised(function) - {"NotImplementedError", "AttributeError"}:
        assert error in documented, f"raises {error}"
    for parameter in parameters:
        text = told.get(parameter.name, documented)
        if name.split(".")[0] in TENSORS and ARRAY.search(str(parameter.annotation)):
            assert SHAPE.search(text), f"shape of {parameter.name}"
        if parameter.name in LENGTHS:
            assert UNIT.search(text), f"unit of {parameter.name}"
    returned = str(inspect.signature(function).return_annotation)
    if name.split(".")[0] in TENSORS and ARRAY.search(returned):
        summary = documented.split("\n\n")[0]
        assert SHAPE.search(_section(documented, "Returns") or summary), "shape of what is returned"


PUBLISHED = [
    name for name, value in PUBLIC if name.split(".")[0] in OF_A_PAPER and name not in NO_PAPER
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_loss_metric_or_network_names_its_source(name: str) -> None:
    value = dict(PUBLIC)[name]
    module = importlib.import_module(value.__module__)
    assert SOURCE.search((inspect.getdoc(value) or "") + (module.__doc__ or "")), name


def _modules() -> list[ModuleType]:
    return [
        importlib.import_module(found.name)
        for part in ("data", "engine", "geometry", "metrics", "networks", "statistics")
        for found in pkgutil.walk_packages(
            importlib.import_module(f"medabl.{part}").__path__, f"medabl.{part}."
        )
    ]


def test_examples_run() -> None:
    attempted = 0
    for module in _modules():
        results = doctest.testmod(module, extraglobs={"torch": torch})
        assert results.failed == 0, module.__name__
        attempted += results.attempted
    assert attempted >= 10
