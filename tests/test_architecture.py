"""The architecture page says what is on disk, and the imports keep to its picture."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import medabl

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "figures" / "architecture.svg").read_text(encoding="utf-8")
ORDER = re.findall(r'<text class="name"[^>]*>(\w+)</text>', PICTURE)
FOUNDATION = {"files", "errors", "task", "mistakes", "fingerprints", "palette", "processors"}
MADE = {"build", "dist", "medabl-out", "runs"}


def _printed() -> set[str]:
    """The paths of the printed tree, folders with a slash at the end."""
    (tree,) = re.findall(r"## The tree\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    paths, parents = set(), [""]
    for line in tree.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]
        parents = parents[: len(indent) // 2 + 1]
        paths.add(parents[-1] + name)
        parents.append(parents[-1] + name)
    return paths


def _on_disk() -> set[str]:
    top = {
        f"{path.name}/"
        for path in ROOT.iterdir()
        if path.is_dir() and path.name.isidentifier() and path.name not in MADE
    }
    package = ROOT / "medabl"
    folders = {f"{init.parent.relative_to(ROOT)}/" for init in package.rglob("__init__.py")}
    modules = {f"medabl/{path.name}" for path in package.glob("[!_]*.py")}
    return top | folders | modules


def test_the_printed_tree_is_the_one_on_disk() -> None:
    assert _printed() == _on_disk()


def test_every_package_has_a_paragraph_a_box_and_a_reference_page() -> None:
    packages = {path.parent.name for path in (ROOT / "medabl").glob("*/__init__.py")}
    boxes = packages | {"task", "files", "errors"}
    assert set(ORDER) == boxes
    assert set(re.findall(r"^\*\*`(\w+)`\*\*", PAGE, re.MULTILINE)) == packages | {"task"}
    pages = {path.stem for path in (ROOT / "docs" / "api").glob("*.md")}
    assert pages == set(medabl.__all__) - {"__version__"}


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("medabl."):
            found.add(str(node.module).split(".")[1])
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("medabl.")}
    return found


@pytest.mark.parametrize("package", [name for name in ORDER if name not in FOUNDATION])
def test_imports_point_downwards(package: str) -> None:
    below = set(ORDER[ORDER.index(package) :]) | FOUNDATION
    for file in (ROOT / "medabl" / package).rglob("*.py"):
        assert _imports(file) <= below, file


def test_tensor_code_knows_neither_files_nor_configs() -> None:
    tensors = {"losses", "metrics", "networks", "transforms", "geometry", "errors"}
    for package in tensors - {"errors"}:
        for file in (ROOT / "medabl" / package).rglob("*.py"):
            assert _imports(file) <= tensors, file
