from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_page import Page, needs_chromium, open_in_chromium, width_needed

from medabl.errors import InputError
from medabl.report import write_report


@pytest.fixture(scope="module")
def text(full_report: Path) -> str:
    return (full_report / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_tags_nest_and_ids_are_unique(page):
    assert page.open == []
    assert [name for name, number in page.ids.items() if number > 1] == []
    assert page.tags["h1"] == page.tags["main"] == page.tags["title"] == 1


def test_nothing_is_fetched_or_run(page, text):
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert page.tags["script"] == page.tags["iframe"] == 0
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))


def test_links_within_the_page_arrive(page):
    inner = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inner <= set(page.ids)


def test_the_first_screen_answers(text):
    top = text[: text.index('<nav aria-label="Sections"')]
    assert "<h1>Use GDL + ABL, from its best epoch only.</h1>" in top
    assert "GDL + ABL collapses in 2 of 2 runs" in top
    assert "distinguishable from noise with 10 subjects and 2 seeds" in top
    assert top.count("<svg") == 1 and top.count("<table") == 1


def test_every_section_is_there(page):
    for word in (
        "published",
        "Wang et al. 2022",
        "0.768",
        "Validation slice DSC",
        "Holm",
        "Ranks first in",
        "Lesions detected",
        "limits of agreement",
        "Radiological convention",
        "gdl_abl-f0-s1",
        "torch 2.13.0",
        "2 of 60 values (GDL 2; best epoch)",
        "Amsterdam/GE3T 3, Singapore 3, Utrecht 4",
    ):
        assert word in page.text, word


def test_pictures_say_what_they_show(page, text):
    assert len(page.images) == 3 * 4
    assert all(image["alt"] for image in page.images)
    assert page.tags["svg"] == text.count('<svg role="img" aria-label="')
    captions = {cell for cell in page.text.splitlines() if cell.strip()}
    assert "FLAIR" in captions


def test_files_beside_the_page(full_report):
    names = {path.name for path in full_report.iterdir()}
    stems = ("table", "tests", "ranks", "detection", "agreement")
    tables = {f"{stem}.{suffix}" for stem in stems for suffix in ("csv", "md", "tex")}
    assert names == tables | {"report.html", "answer.md", "figures"}
    figures = {path.name for path in (full_report / "figures").iterdir()}
    drawn = ("intervals", "training_curves", "boxes", "differences", "detection", "bland_altman")
    assert figures == {f"{name}.{suffix}" for name in drawn for suffix in ("png", "svg")} | {
        "subjects.png"
    }


def small_csvs(folder: Path, label: str = "b") -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for name in ("a", label):
        frame = pd.DataFrame({"subject": list("uvwxyz"), "dsc": rng.uniform(0.5, 0.9, 6)})
        frame.to_csv(folder / f"{name}.csv", index=False)
        paths.append(folder / f"{name}.csv")
    return paths


def test_csvs_alone_make_a_page_that_repeats_itself(tmp_path):
    paths = small_csvs(tmp_path)
    first = write_report(paths, tmp_path / "one").read_text()
    again = write_report(paths, tmp_path / "one").read_text()
    assert first == again
    page = Page(first)
    assert page.open == []
    assert "Training" not in page.text and "Bland-Altman" not in page.text
    assert "as evaluated" in page.text


def test_names_are_escaped(tmp_path):
    paths = small_csvs(tmp_path, label="<b>&c")
    text = write_report(paths, tmp_path / "out").read_text()
    assert Page(text).open == []
    assert "<b>" not in text and "&lt;b&gt;&amp;c" in text


def test_one_method_makes_a_page_too(tmp_path):
    text = write_report(small_csvs(tmp_path)[:1], tmp_path / "out").read_text()
    assert "Only a was given: there is nothing to compare it with." in text
    assert not (tmp_path / "out/tests.csv").exists()


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/mine.png").write_bytes(b"x")
    write_report(small_csvs(tmp_path), tmp_path)
    assert (tmp_path / "figures/mine.png").read_bytes() == b"x"
    assert list(tmp_path.rglob(".*")) == []


def test_a_failure_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="'c' is none of the methods"):
        write_report(small_csvs(tmp_path), tmp_path / "out", reference="c")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="is a file: name a folder"):
        write_report(small_csvs(tmp_path), tmp_path / "a.csv")


@needs_chromium
@pytest.mark.parametrize("width", [1280, 500])
def test_chromium_opens_the_page_without_complaint(full_report, tmp_path, width):
    picture = tmp_path / "page.png"
    done = open_in_chromium(
        (full_report / "report.html").as_uri(),
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        f"--screenshot={picture}",
    )
    assert picture.is_file(), done.stderr[-2000:]
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    assert "net::ERR" not in done.stderr


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_itself_never_scrolls_sideways(full_report, tmp_path, width):
    assert width_needed(full_report / "report.html", tmp_path, width) == width


@needs_chromium
def test_the_page_prints(full_report, tmp_path):
    paper = tmp_path / "page.pdf"
    address, profile = (full_report / "report.html").as_uri(), tmp_path / "profile"
    open_in_chromium(address, f"--user-data-dir={profile}", f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")
