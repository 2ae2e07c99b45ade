#!/usr/bin/env bash
# Everything that has to hold: format, lint, types, tests with coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/env.sh

ruff format --check .
ruff check .
mypy
# One torch thread a worker: the workers already fill the cores.
OMP_NUM_THREADS=1 MPLBACKEND=Agg pytest -n "$(nproc)" --dist loadfile --durations 10 \
    --cov medabl --cov-report term:skip-covered --cov-fail-under 90 "$@"
