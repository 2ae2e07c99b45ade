"""Figures as text that a page carries within itself."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from medabl.files import atomic_path
from medabl.report.figures.style import INK, PALETTE, PAPER, RULE

_PAGE_TONES = {INK: "ink", RULE: "rule", PAPER: "paper", PALETTE[0].lower(): "blue"}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def render_svg(figure: Figure, name: str) -> str:
    """Give a figure as an SVG file's text, its letters as text, the same every time."""
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    return buffer.getvalue()


def embed_svg(svg: str, name: str) -> str:
    """Turn an SVG file's text into an element for a page.

    Its ink, rules, ground and blue take the page's colours and its letters the page's type, so
    that it follows light and dark. Ids start with `name`, so that several figures fit in one page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    for tone, variable in _PAGE_TONES.items():
        svg = svg.replace(tone, f"var(--{variable})")
    return re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--sans)", svg)


def freeze_layout(figure: Figure) -> None:
    """Lay a figure out once, instead of again for every file it is written to."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def to_png_uri(figure: Figure, dpi: int = 200) -> str:
    """Give a figure as a PNG ``data:`` address."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def save_png(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a figure as a PNG file, atomically."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
