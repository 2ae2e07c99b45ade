"""Many methods: twelve groups of a sweep, legible on page, paper and phone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib import image
from report_page import Page, needs_chromium, width_needed
from synthetic_runs import subject_names, write_run, write_sweep

from medabl.report import write_report

LABELS = [
    f"{loss}, alpha_end={alpha_end}"
    for loss in ("GDL", "GDL + BL", "GDL + ABL", "dice_ce")
    for alpha_end in ("0.01", "0.1", "0.3")
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    names = subject_names(8)
    sweep = write_sweep(folder, names, with_images=True)
    write_run(sweep, "gdl", 7, names, status="failed", name="gdl-that-broke")
    return write_report([sweep], folder / "out").parent


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / "report.html").read_text())


def test_every_group_has_its_rows(report, page):
    table = pd.read_csv(report / "table.csv")
    assert list(table["label"].unique()) == LABELS
    assert set(table["seeds"]) == {2}
    assert [row[0] for row in page.tables[0][1::2]] == LABELS
    tests = pd.read_csv(report / "tests.csv")
    assert set(tests["reference"]) == {LABELS[0]}
    assert set(tests["comparisons_corrected_for"]) == {11}


def test_the_first_screen_counts_instead_of_listing(page):
    top = page.text[: page.text.index("All numbers")]
    assert "12 methods · 8 subjects, 2 seeds each" in top
    assert "The 11 comparisons in words" in top
    assert "1 failed run is left out: gdl-that-broke." in top


def test_no_figure_is_wider_than_a_page(report):
    for path in (report / "figures").glob("*.png"):
        width = image.imread(path).shape[1] / 200
        assert width <= 12, path.name


def test_each_picture_is_named(page):
    assert len(page.images) == 3 * 13
    for label in LABELS:
        assert sum(label in str(picture["alt"]) for picture in page.images) == 3


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(report, tmp_path, width):
    assert width_needed(report / "report.html", tmp_path, width) == width
