"""What holds for every source file: its size, and that no block of code stands twice."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(path for top in ("medabl", "examples") for path in (ROOT / top).rglob("*.py"))
LONGEST = 250
BLOCK = 6
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENDMARKER}  # fmt: skip


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    long = {_name(p) for p in FILES if len(p.read_text(encoding="utf-8").splitlines()) > LONGEST}
    assert not long


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """(number, code) of the lines that count: what is done, not what is declared.

    Imports, signatures, docstrings, comments and arguments that are handed on under their own name
    do not: MONAI's flags stand in every loss.
    """
    passed_over: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        last = getattr(node, "end_lineno", None)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            last = node.body[0].lineno - 1
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        same = isinstance(node, ast.keyword) and isinstance(node.value, ast.Name)
        handed_on = same and node.arg == node.value.id
        declared = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
        if text or handed_on or isinstance(node, declared):
            passed_over.update(range(node.lineno, last + 1))
    code: dict[int, list[str]] = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE and token.start[0] not in passed_over:
            code[token.start[0]].append(token.string)
    for number, words in sorted(code.items()):
        if any(word.isidentifier() or word[0].isdigit() for word in words):
            yield number, " ".join(words)


def repeated_blocks(sources: dict[str, str]) -> list[str]:
    """Places where `BLOCK` lines of code stand that stand elsewhere as well."""
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, source in sources.items():
        lines = list(_lines(source))
        for start in range(len(lines) - BLOCK + 1):
            window = lines[start : start + BLOCK]
            places[tuple(code for _, code in window)].append(f"{name}:{window[0][0]}")
    return [" = ".join(where) for where in places.values() if len(where) > 1]


def test_a_block_that_stands_twice_is_seen_whatever_stands_between_its_lines() -> None:
    block = "".join(f"    a{i} = f({i})\n" for i in range(BLOCK))
    other = block.replace("a3 = f(3)\n", "a3 = f(3)  # three\n\n    # more\n")
    assert repeated_blocks({"x": f"def f():\n{block}", "y": f"def g():\n{other}"}) == ["x:2 = y:2"]
    shorter = other.replace("a5 = f(5)", "a5 = f(6)")
    assert repeated_blocks({"x": f"def f():\n{block}", "y": f"def g():\n{shorter}"}) == []


def test_no_block_of_six_lines_stands_twice() -> None:
    assert repeated_blocks({_name(p): p.read_text(encoding="utf-8") for p in FILES}) == []
