#!/usr/bin/env bash
# Builds the site into docs/_build/html; a warning is an error. Nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/env.sh

sphinx-build --fail-on-warning --keep-going --quiet --builder html --doctree-dir docs/_build/doctrees docs docs/_build/html
echo "docs/_build/html/index.html"
