"""What commands print where no terminal reads it."""

from __future__ import annotations

import pytest
from rich.markdown import Markdown
from rich.table import Table

from medabl.cli.app import show


def test_no_line_is_filled_with_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    show(Markdown("| run | dsc |\n|---|---|\n| a | 0.7 |\n\nA sentence.\n\n- a point"))
    table = Table("run", "note", box=None)
    table.add_row("a", "x")
    table.add_row("b", "a longer one")
    show(table)
    lines = capsys.readouterr().out.splitlines()
    assert {"A sentence.", " • a point", " b    a longer one"} <= set(lines)
    assert all(line == line.rstrip() for line in lines)
