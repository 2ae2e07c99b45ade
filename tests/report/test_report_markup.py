"""Labels, subjects and warnings are anyone's text: they come out as text."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_page import Page, needs_chromium, open_in_chromium
from synthetic_runs import subject_names, write_images, write_run

from medabl.report import write_report

EVIL = "<img src=x onerror=\"document.title='owned'\">"
LABELS = (EVIL, 'a$\\frac$ & [b](http://x) | *c* _d_ "#0072b2" id="q" url(#r) --> %{e}')
SUBJECTS = [EVIL.replace("/", ""), *subject_names(5)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("markup")
    write_images(folder / "images", SUBJECTS)
    for number, label in enumerate(LABELS):
        described = {"label": label, "warnings": [EVIL], "modalities": [EVIL]}
        write_run(
            folder / "runs",
            f"m{number}",
            0,
            SUBJECTS,
            0.02 * number,
            images=folder / "images",
            described=described,
        )
    return write_report([folder / "runs"], folder / "out").parent


def test_a_label_is_text_on_the_page(report):
    page = Page((report / "report.html").read_text())
    assert page.open == []
    assert "onerror" not in page.attributes
    assert all(str(image["src"]).startswith("data:") for image in page.images)
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    for label in LABELS:
        assert page.text.count(label) > 5, label


def test_a_label_is_the_same_text_within_a_drawing(report):
    words = " ".join(LABELS[1].split())
    page = Page((report / "report.html").read_text())
    for name in ("intervals", "training_curves", "boxes", "detection", "bland_altman"):
        text = (report / "figures" / f"{name}.svg").read_text()
        root = ElementTree.fromstring(text)
        assert {e.tag.rpartition("}")[2] for e in root.iter()}.isdisjoint({"img", "script"})
        drawn = " ".join(" ".join(root.itertext()).split())
        # A long label is drawn on several lines, each a text of its own.
        assert all(word in drawn for word in words.split()), name
    assert page.text.count('"#0072b2"') >= 5 and page.text.count("url(#r)") >= 5


def test_markdown_shows_a_label_as_text(report):
    for name in ("answer.md", "table.md", "tests.md", "ranks.md"):
        text = (report / name).read_text()
        assert "<img" not in text and "&lt;img src=x" in text
        assert "](http" not in text.replace("\\[b\\](http", "").replace("\\[b](http", "")
    rows = [line for line in (report / "tests.md").read_text().splitlines() if line[:1] == "|"]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert EVIL in unescape((report / "answer.md").read_text()).replace("\\", "")


def test_latex_shows_a_label_as_text(report):
    text = (report / "table.tex").read_text()
    assert r"a\$\textbackslash{}frac\$ \& [b](http://x) | *c* \_d\_" in text
    assert r"$<$img src=x" in text


@needs_chromium
def test_a_browser_runs_nothing_of_it(report, tmp_path):
    done = open_in_chromium(
        (report / "report.html").as_uri(), "--dump-dom", f"--user-data-dir={tmp_path}"
    )
    title = done.stdout.split("<title>")[1].split("</title>")[0]
    assert title != "owned" and "medabl report" in title
    assert "CONSOLE" not in done.stderr
