import importlib
import pkgutil

import pytest


@pytest.mark.parametrize(
    "package",
    [
        "medabl.report",
        "medabl.report.figures",
        "medabl.report.page",
        "medabl.report.tables",
        "medabl.statistics",
    ],
)
def test_no_name_shadows_a_module(package):
    module = importlib.import_module(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    assert modules.isdisjoint(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
