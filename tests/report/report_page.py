"""A report's page as a reader meets it: parsed, or opened in Chromium."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
_VOID = {"meta", "link", "img", "br", "path", "use"}


class Page(HTMLParser):
    """What a page holds, and whether its tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.attributes: set[str] = set()
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
                self.addresses.append(value or "")
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open[-1:]:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def open_in_chromium(address: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page without a window; what it complains about is on standard error."""
    return subprocess.run(
        [
            str(CHROMIUM),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--hide-scrollbars",
            *options,
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def width_needed(page: Path, folder: Path, width: int) -> int:
    """How wide a page is in a window of `width` pixels, in pixels; `width` if it fits."""
    frame = folder / "frame.html"
    frame.write_text(
        f'<body onload="document.title = f.contentDocument.documentElement.scrollWidth">'
        f'<iframe id="f" src="{page.as_uri()}" style="width:{width}px;border:0"></iframe>'
    )
    done = open_in_chromium(
        frame.as_uri(),
        "--dump-dom",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}",
    )
    return int(done.stdout.split("<title>")[1].split("</title>")[0])
