import doctest
import importlib
import inspect

import pytest

import medabl.losses


@pytest.mark.parametrize("name", medabl.losses.__all__)
def test_example_of_every_loss_runs(name):
    module = importlib.import_module(getattr(medabl.losses, name).__module__)
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(inspect.getattr_static(module, name), name, globs=vars(module).copy())
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
