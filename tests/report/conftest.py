"""Fixtures on made-up runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_runs import write_comparison

from medabl.report import write_report


@pytest.fixture
def make_comparison(tmp_path: Path) -> Callable[..., Path]:
    """Write a comparison below the test's folder: `write_comparison` without its first argument."""
    return lambda **kwargs: write_comparison(tmp_path, **kwargs)


@pytest.fixture(scope="session")
def full_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on a comparison with all there is: images, a collapse, NaN."""
    folder = tmp_path_factory.mktemp("report")
    runs = write_comparison(
        folder,
        seeds=(0, 1),
        collapse=["gdl_abl"],
        missing={"gdl": ["Utrecht/0"]},
        with_images=True,
    )
    return write_report([runs], folder / "out").parent
