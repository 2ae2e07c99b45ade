#!/usr/bin/env bash
# Everything that has to hold: format, lint, types, documents, tests with coverage.
# --fast: format, lint, types and the tests that are not marked slow; under a minute on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/env.sh

ruff format --check .
ruff check .
mypy
# One torch thread a worker: the workers already fill the cores.
export OMP_NUM_THREADS=1 MPLBACKEND=Agg
# A file stays with one worker, and the folders' order, since those with the long tests come first.
workers=(-n "$(nproc)" --dist loadfile --no-loadscope-reorder)
if [ "${1:-}" = --fast ]; then
    exec pytest "${workers[@]}" -q -m "not slow" "${@:2}"
fi
bash scripts/docs.sh
pytest "${workers[@]}" --durations 10 \
    --cov medabl --cov-report term:skip-covered --cov-fail-under 90 "$@"
