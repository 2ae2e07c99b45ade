#!/usr/bin/env bash
# Tests with the oldest versions that pyproject.toml allows, in an environment of their own
# (.venv-minima). On Linux an old torch brings its CUDA libraries: some 6 GB on disk.
#   bash scripts/test_minima.sh                                 the whole suite
#   bash scripts/test_minima.sh tests/losses tests/geometry     pytest's arguments
# MINIMA_INSTEAD="torch==2.13.0" takes other versions for some packages; what was tested is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-minima
python=${PYTHON:-python3.11}

if [ ! -x "$venv/bin/python" ]; then
    "$python" -m venv "$venv"
fi
"$venv/bin/python" scripts/oldest_versions.py ${MINIMA_INSTEAD:-} >"$venv/minima.txt"
"$venv/bin/python" -m pip install -qq --constraint "$venv/minima.txt" --editable ".[test]"
"$venv/bin/python" --version
"$venv/bin/python" -m pip freeze | grep -iF -f <(sed 's/=.*/==/' "$venv/minima.txt")
# An old package may well be told that it is old: only what this version of medabl does is tested.
OMP_NUM_THREADS=1 MPLBACKEND=Agg "$venv/bin/python" -m pytest -n "$(nproc)" --dist loadfile "$@"
