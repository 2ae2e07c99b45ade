"""Data frames as Markdown and LaTeX text, and written beside their numbers as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from medabl.files import atomic_path, write_text

_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "\N{MINUS SIGN}": r"$-$",
    "\N{EN DASH}": "--",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "³": "$^3$",
    "\n": " ",
}


def escape_tex(text: str) -> str:
    """Replace every character that LaTeX would not print as it stands."""
    return "".join(_TEX.get(character, character) for character in text)


def escape_markdown(text: str) -> str:
    """Keep `text` from being read as Markdown or as the HTML that Markdown lets through.

    What cannot be markup where it stands (``p < 0.05``, ``[0.70, 0.75]``) is left as it is.
    """
    text = re.sub(r"&(?=[#A-Za-z])", "&amp;", text.replace("\n", " "))
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return re.sub(r"[\\`*_|#~]|\[(?![\d+\N{MINUS SIGN}])", r"\\\g<0>", text)


def to_markdown(frame: pd.DataFrame) -> str:
    """Write a frame of strings as a Markdown table with aligned columns."""
    rows = [[str(column) for column in frame.columns]]
    rows += [[str(cell) for cell in row] for row in frame.itertuples(index=False)]
    rows = [[escape_markdown(cell) for cell in row] for row in rows]
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(frame.columns))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def to_tex(frame: pd.DataFrame, caption: str) -> str:
    """Write a frame of strings as a LaTeX table (packages booktabs and graphicx)."""
    columns = " & ".join(escape_tex(str(column)) for column in frame.columns)
    rows = [
        _protect_start(" & ".join(escape_tex(str(cell)) for cell in row)) + r" \\"
        for row in frame.itertuples(index=False)
    ]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs,graphicx}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_tex(caption)}}}",
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{{'l' * len(frame.columns)}}}",
            r"\toprule",
            columns + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _protect_start(row: str) -> str:
    r"""Keep a row's first character from being read as an argument of the ``\\`` before it."""
    return f"{{{row[0]}}}{row[1:]}" if row.startswith(("[", "*")) else row


def write_frame(
    numbers: pd.DataFrame, parts: Sequence[tuple[str, pd.DataFrame]], path: Path
) -> list[Path]:
    """Write numbers as ``path.csv`` and captioned frames of text as ``path.md``, ``path.tex``."""
    files = [path.with_name(f"{path.name}.{suffix}") for suffix in ("csv", "md", "tex")]
    with atomic_path(files[0]) as temporary:
        numbers.to_csv(temporary, index=False, float_format="%.6g")
    write_text(
        files[1],
        "\n".join(f"{escape_markdown(caption)}\n\n{to_markdown(f)}" for caption, f in parts),
    )
    write_text(files[2], "\n".join(to_tex(frame, caption) for caption, frame in parts))
    return files
