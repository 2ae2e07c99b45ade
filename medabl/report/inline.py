"""Figures as text that a page carries within itself."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from medabl.files import atomic_path
from medabl.report.figures.style import INK, RULE

_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def to_svg(figure: Figure, name: str) -> str:
    """Give a figure as an SVG element for a page.

    Its ink and rules take the page's colours (``--ink``, ``--rule``), its ground is left out and
    its text stays text, so that it follows light and dark and can be searched. Ids start with
    `name`, so that several figures fit in one page.
    """
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = svg.replace(INK, "var(--ink)").replace(RULE, "var(--rule)")
    return re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--sans)", svg)


def to_png_uri(figure: Figure, dpi: int = 200) -> str:
    """Give a figure as a PNG ``data:`` address."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def save_figure(figure: Figure, path: Path, dpi: int = 200) -> list[Path]:
    """Write a figure as ``path.png`` for looking at and ``path.pdf`` for a paper."""
    with atomic_path(path.with_name(f"{path.name}.png")) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
    with (
        rc_context({"pdf.fonttype": 42}),
        atomic_path(path.with_name(f"{path.name}.pdf")) as temporary,
    ):
        figure.savefig(temporary, metadata={"CreationDate": None})
    return [path.with_name(f"{path.name}.{suffix}") for suffix in ("png", "pdf")]
