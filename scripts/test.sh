#!/usr/bin/env bash
# Everything that has to hold: format, lint, types, documents, tests with coverage.
# --fast: format, lint, types and the tests that are not marked slow; under a minute on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/env.sh

ruff format --check .
ruff check .
mypy
# A worker a core (asked before the next line, which nproc would heed), with one torch thread each.
# A file stays with one worker, and the folders' order, since those with the long tests come first.
workers=(-n "$(nproc)" --dist loadfile --no-loadscope-reorder)
export OMP_NUM_THREADS=1 MPLBACKEND=Agg
if [ "${1:-}" = --fast ]; then
    exec pytest "${workers[@]}" -q -m "not slow" "${@:2}"
fi
bash scripts/docs.sh
pytest "${workers[@]}" --durations 10 \
    --cov medabl --cov-report term:skip-covered --cov-fail-under 90 "$@"
