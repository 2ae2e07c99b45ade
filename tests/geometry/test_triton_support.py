"""Whether Triton is used is found out once, and never breaks what works without it."""

import warnings

import pytest
import torch

from medabl.geometry import distance_transform_edt, triton_support
from medabl.geometry.distance_transform import _on_cuda


def no_compiler():
    raise RuntimeError("Failed to find C compiler.\nPlease specify via CC environment variable.")


@pytest.fixture
def forgotten(monkeypatch):
    """Nothing has been tried yet, and nothing is remembered afterwards."""
    monkeypatch.setattr(triton_support, "find_spec", lambda name: object())
    triton_support.triton_works.cache_clear()
    yield monkeypatch
    triton_support.triton_works.cache_clear()


def test_triton_that_cannot_compile_is_said_once_and_not_used(forgotten):
    forgotten.setattr(triton_support, "_try_a_kernel", no_compiler)
    with pytest.warns(UserWarning, match="does not work here .Failed to find C compiler"):
        assert not triton_support.triton_works()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not triton_support.triton_works()


def test_cuda_s_distances_are_computed_without_triton(forgotten):
    forgotten.setattr(triton_support, "_try_a_kernel", no_compiler)
    mask = torch.rand(2, 1, 9, 8, generator=torch.Generator().manual_seed(0)) < 0.9
    with pytest.warns(UserWarning, match="does not work here"):
        distance = _on_cuda(mask, [1.0, 2.0])
    torch.testing.assert_close(distance, distance_transform_edt(mask, (1, 2)))


def test_triton_that_runs_is_used(forgotten):
    forgotten.setattr(triton_support, "_try_a_kernel", lambda: None)
    assert triton_support.triton_works()


def test_without_triton_nothing_is_tried_or_said(forgotten):
    forgotten.setattr(triton_support, "find_spec", lambda name: None)
    forgotten.setattr(triton_support, "_try_a_kernel", no_compiler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not triton_support.triton_works()
