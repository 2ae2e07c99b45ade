"""What the documents say of settings, files and versions is so."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml

import medabl

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_settings_is_that_of_the_model_and_the_configs() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    with_table = runpy.run_path(str(ROOT / "scripts" / "settings_table.py"))["with_table"]
    assert with_table(page) == page, "run python scripts/settings_table.py"
    assert re.search(r"\| `alpha_end` \|.*\| 0.01 \|", page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:configs|docs|examples|medabl|scripts|tests)/[\w./*]*\w)`", text)
    for name in (name for name in named if "_build" not in name):
        assert list(ROOT.glob(name)), name


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == medabl.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)


def test_the_hooks_and_the_script_check_the_same() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    script = (ROOT / "scripts" / "test.sh").read_text(encoding="utf-8")
    for hook in hooks["repos"][0]["hooks"]:
        tool = " ".join(hook["entry"].split()[:2])
        assert re.search(rf"^{tool}", script, re.MULTILINE), tool


def test_issue_forms_can_be_read() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for form in (yaml.safe_load(path.read_text(encoding="utf-8")) for path in forms):
        assert {"name", "description", "body"} <= set(form) or "blank_issues_enabled" in form
    assert len(forms) == 3
