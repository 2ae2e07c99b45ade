"""The examples in docstrings run."""

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest
import torch

import medabl.data
import medabl.engine
import medabl.networks


def _modules() -> list[ModuleType]:
    packages = (medabl.data, medabl.engine, medabl.networks)
    return [
        importlib.import_module(found.name)
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    ]


def test_examples_run() -> None:
    attempted = 0
    for module in _modules():
        results = doctest.testmod(module, extraglobs={"torch": torch})
        assert results.failed == 0, module.__name__
        attempted += results.attempted
    assert attempted >= 10


@pytest.mark.parametrize("package", ["losses", "geometry", "transforms", "metrics", "data"])
def test_every_public_name_is_documented(package: str) -> None:
    module = importlib.import_module(f"medabl.{package}")
    for name in module.__all__:
        assert getattr(module, name).__doc__, name
