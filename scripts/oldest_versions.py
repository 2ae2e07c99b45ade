"""Prints the oldest versions that pyproject.toml allows, as constraints for pip.

Arguments (``torch==2.13.0``) stand in for the oldest version of what they name.
"""

import re
import sys
import tomllib
from pathlib import Path


def oldest(requirements: list[str]) -> dict[str, str]:
    """Package -> the version behind its ``>=``; a requirement without one has none."""
    found = (re.match(r"([\w.-]+)\s*>=\s*([\w.]+)", text) for text in requirements)
    return {match[1].lower(): match[2] for match in found if match}


def main() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = oldest(project["dependencies"])
    versions |= dict(text.lower().split("==") for text in sys.argv[1:])
    for name, version in sorted(versions.items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
