import re
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_shipped() -> None:
    """The list in pyproject.toml is written by hand, since configs/ lies outside medabl/."""
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^packages = \[(.*?)\]", text, re.S | re.M)
    assert listed is not None
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "medabl").rglob("__init__.py")
    }
    assert set(re.findall(r'"(.+?)"', listed[1])) == found | {"medabl.configs"}


def test_the_configs_are_package_data() -> None:
    names = {path.name for path in resources.files("medabl.configs").iterdir()}
    assert {"wmh.yaml", "wmh3d.yaml", "quick.yaml", "metadata.json"} <= names
