"""Writes the table of settings in docs/training.md from their descriptions and configs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from medabl.engine import Settings, packaged_config

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
BEGIN, END = "<!-- settings, by scripts/settings_table.py -->\n", "<!-- end of settings -->"


def table() -> str:
    """A row per setting: its meaning, its value in wmh.yaml, and in quick.yaml where it has one."""
    published, quick = (
        yaml.safe_load(packaged_config(name).read_text(encoding="utf-8"))
        for name in ("wmh.yaml", "quick.yaml")
    )
    rows = ["| key | meaning | `wmh.yaml` | `quick.yaml` |", "|---|---|---|---|"]
    for key, field in Settings.model_fields.items():
        laid_over = _cell(quick[key]) if key in quick else ""
        value = "below" if key == "task" else _cell(published[key])
        rows.append(f"| `{key}` | {field.description} | {value} | {laid_over} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    around = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.DOTALL)
    return around.sub(lambda match: match[1] + "\n" + table() + "\n" + match[2], page)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
