#!/usr/bin/env bash
# The wheels that a CUDA image with torch, SciPy, pandas, Matplotlib and pytest lacks, for
# scripts/gpu_check.sh on a machine without a network:
#   bash scripts/gpu_wheels.sh [FOLDER] [PYTHON_VERSION] [MIB]     default: wheels 3.12 64
# Versions are those of constraints.txt. SimpleITK, four fifths of all, is left out where the folder
# would be larger than MIB; only the tests of metrics need it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-wheels}
version=${2:-3.12}
most=$((${3:-64} * 2 ** 20))
packages=(monai pytorch-ignite nibabel edt pydantic pydantic-core annotated-types typing-inspection
    typing-extensions typer annotated-doc shellingham rich markdown-it-py mdurl pygments pyyaml
    filelock jinja2 markupsafe importlib-resources)

platforms=()
for platform in manylinux1 manylinux2014 manylinux_2_{17,24,26,27,28}; do
    platforms+=(--platform "${platform}_x86_64")
done

download() { # PACKAGE...
    local package pinned=()
    for package in "$@"; do
        pinned+=("$(grep -iE "^${package//[-_]/[-_]}==" constraints.txt)")
    done
    "${PYTHON:-python3}" -m pip download -q --no-deps --only-binary=:all: --implementation cp \
        --python-version "$version" "${platforms[@]}" --dest "$folder" "${pinned[@]}"
}

size() { cat "$folder"/*.whl | wc -c; }

rm -rf "$folder"
download "${packages[@]}"
download simpleitk
if [ "$(size)" -gt "$most" ]; then
    rm "$folder"/[sS]imple[iI][tT][kK]-*.whl
    echo "SimpleITK is left out: with it the folder would be too large."
fi
echo "$folder: Python $version, $(find "$folder" -name '*.whl' | wc -l) wheels," \
    "$(($(size) / 2 ** 20)) MiB"
[ "$(size)" -le "$most" ]
