"""Figures as SVG text: files of their own, and elements that a page carries within itself."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure

from medabl.report.figures.style import DPI, INK, PALETTE, PAPER, RULE, styled

_PAGE_TONES = {INK: "ink", RULE: "rule", PAPER: "paper", PALETTE[0].lower(): "blue"}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@styled
def render_svg(figure: Figure, name: str) -> str:
    """Give a figure as an SVG file's text, its letters as text, the same every time.

    Args:
        figure: what to render.
        name: seeds the ids within the file.
    """
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    return buffer.getvalue()


def embed_svg(svg: str, name: str, alt: str = "") -> str:
    """Turn an SVG file's text into an element for a page.

    Its ink, rules, ground and blue take the page's colours and its letters the page's type, so
    that it follows light and dark. Only attributes and style sheets are touched, so that no
    label is taken for markup.

    Args:
        svg: from `render_svg`.
        name: what ids start with, so that several figures fit in one page.
        alt: what the figure shows, for those who do not see it.
    """
    # The text was written by matplotlib a moment ago: nothing foreign is parsed here.
    root = ElementTree.fromstring(svg)
    for parent in root.iter():
        for child in [c for c in parent if _local(c.tag) == "metadata"]:
            parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        if element.tag == "style":
            element.text = _recolour(element.text or "")
        attributes = {_local(key): value for key, value in element.attrib.items()}
        element.attrib = {key: _adapt(key, value, name) for key, value in attributes.items()}
    if alt:
        root.attrib = {"role": "img", "aria-label": alt, **root.attrib}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """Give a name without its namespace, which HTML does not know."""
    return name.rpartition("}")[2]


def _adapt(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1)
    return _recolour(value.replace("url(#", f"url(#{name}-"))


def _recolour(style: str) -> str:
    for tone, variable in _PAGE_TONES.items():
        style = style.replace(tone, f"var(--{variable})")
    return re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--sans)", style)


@styled
def freeze_layout(figure: Figure) -> None:
    """Lay a figure out once, instead of again for every file it is written to."""
    # At the resolution of the PNG: letters are a little wider at some resolutions than at others.
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
