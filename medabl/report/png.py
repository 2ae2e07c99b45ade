"""Figures as PNG: files, and addresses that hold the picture itself."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from matplotlib.figure import Figure

from medabl.files import atomic_path
from medabl.report.figures.style import DPI, styled


@styled
def png_data_uri(figure: Figure, dpi: int = DPI) -> str:
    """Give a figure as a PNG ``data:`` address."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@styled
def save_png(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure as a PNG file, atomically."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
