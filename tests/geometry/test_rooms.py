"""The packages of functions: what they export, and that modules stay reachable behind it."""

import importlib
import pkgutil
import types

import pytest

PACKAGES = [
    "medabl.geometry",
    "medabl.losses",
    "medabl.losses.active_boundary",
    "medabl.transforms",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_hides_a_module(package):
    room = importlib.import_module(package)
    for module in pkgutil.iter_modules(room.__path__):
        assert isinstance(getattr(room, module.name, room), types.ModuleType), module.name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_exported_and_there(package):
    room = importlib.import_module(package)
    public = {
        name
        for name, value in vars(room).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(room.__all__)
