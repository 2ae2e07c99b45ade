#!/usr/bin/env bash
# Sourced by the other scripts: makes .venv once, with the tested versions, and puts it on PATH.
# PYTHON=python3.12 picks another interpreter; a changed pyproject or constraints file rebuilds.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "The tested versions (constraints.txt) need Python 3.11 or newer; '$python' is" \
        "$("$python" --version 2>&1). Set PYTHON=/path/to/python3.11." >&2
    exit 1
}

stamp=$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)
if [ "$(cat "$venv/.medabl-stamp" 2>/dev/null)" != "$stamp" ]; then
    echo "Setting up $venv (once; a few minutes) ..."
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -qq --constraint "$root/constraints.txt" \
        --editable "$root[dev]"
    echo "$stamp" >"$venv/.medabl-stamp"
fi
export PATH="$venv/bin:$PATH"
