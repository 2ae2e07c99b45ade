"""What a user can import: from the top, from each package, and by the names written down."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import medabl

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    found.name
    for found in pkgutil.walk_packages(medabl.__path__, "medabl.")
    if found.ispkg and found.name != "medabl.configs"
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = [path for folder in ("examples", "scripts") for path in (ROOT / folder).glob("*.py")]


def _run(program: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_importing_medabl_alone_loads_neither_torch_nor_anything_of_its_own() -> None:
    loaded = _run("import medabl, sys; print(*sys.modules)")
    assert "torch" not in loaded
    assert "numpy" not in loaded
    assert [name for name in loaded if name.startswith("medabl.")] == []


@pytest.mark.slow
def test_every_part_is_reached_from_the_top_on_first_use() -> None:
    parts = {name.split(".")[1] for name in PACKAGES} - {"cli"}
    assert parts | {"__version__", "errors", "task"} == set(medabl.__all__)
    program = "import medabl; print(*[n for n in dir(medabl) if getattr(medabl, n) is not None])"
    assert set(medabl.__all__) <= set(_run(program))


def test_a_part_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'loses'"):
        medabl.loses  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_public_names_in_order(package: str) -> None:
    if package == "medabl.nnunet.trainers":
        pytest.importorskip("nnunetv2")
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert not name.startswith("_")
        getattr(module, name)


def _code(path: Path) -> str:
    """The Python of a page or a program, and the values of its YAML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    return "\n".join(re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE))


def _imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of each ``from medabl.x import name``."""
    statement = r"^ *from (medabl[.\w]*) import (\([^)]*\)|[^\n#]*)"
    for module, names in re.findall(statement, _code(path), re.MULTILINE):
        for alias in ast.parse(f"from {module} import {names}").body[0].names:  # type: ignore[attr-defined]
            yield module, alias.name


@pytest.mark.parametrize("path", [*PAGES, *PROGRAMS], ids=lambda path: path.name)
def test_a_name_that_the_documents_import_is_exported(path: Path) -> None:
    for module, name in _imported_names(path):
        home = importlib.import_module(module)
        assert hasattr(home, name), f"{module} has no {name}"
        if path in PAGES and hasattr(home, "__path__"):
            assert name in home.__all__, f"{module}.{name} is not exported"


@pytest.mark.parametrize("path", [*PAGES, *sorted((ROOT / "configs").glob("*.yaml"))],
                         ids=lambda path: path.name)  # fmt: skip
def test_a_dotted_name_that_the_documents_use_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in set(re.findall(r"(?<![\w./-])medabl(?:\.[A-Za-z_]\w*)+", text)):
        if name.endswith((".egg", ".yaml")):
            continue
        value = medabl
        for part in name.split(".")[1:]:
            assert hasattr(value, part), name
            exported = getattr(value, "__all__", None) if hasattr(value, "__path__") else None
            assert exported is None or part in exported, f"{name}: {part} is not exported"
            value = getattr(value, part)


def test_the_documents_import_something() -> None:
    assert len({pair for path in PAGES for pair in _imported_names(path)}) > 10
