#!/usr/bin/env bash
# Everything that only a CUDA device can show, in under ten minutes:
#   bash scripts/gpu_check.sh [FOLDER]
# Every step has its own limit of time, and none stops the others; what this machine lacks is said
# step by step. Writes FOLDER/log.txt (all that is printed) and FOLDER/summary.md; FOLDER is $OUT,
# or gpu-check. Exit status 0 if no step failed or missed a goal. Wheels in WHEELS (default wheels/,
# made by scripts/gpu_wheels.sh) are used where an image has torch and little else.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-${OUT:-$root/gpu-check}}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$root"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exec > >(tee "$out/log.txt") 2>&1
end=$((SECONDS + 585))

wheels=${WHEELS:-wheels}
if compgen -G "$wheels/*.whl" >/dev/null; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --target "$scratch/site" "$wheels"/*.whl || echo "The wheels in $wheels cannot be installed."
    export PYTHONPATH="$PWD:$scratch/site${PYTHONPATH:+:$PYTHONPATH}"
elif python3 -c 'import torch, monai, pytest' 2>/dev/null; then
    export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
else
    source scripts/env.sh
fi
export PYTHONUNBUFFERED=1 MPLBACKEND=Agg TRITON_CACHE_DIR="$scratch/triton"

mapfile -t found < <(python3 scripts/gpu_here.py)
here=" ${found[0]-} "
description=${found[1]-torch cannot be imported}

table=()
failed=0
note() { # STEP RESULT SECONDS
    table+=("| $1 | $2 | $3 |")
    [[ $2 == passed || $2 == skipped* ]] || failed=1
}

# step NAME SECONDS NEEDS -- COMMAND...: NEEDS are words of $here.
step() {
    local name=$1 limit=$2 needs=$3 need lacking='' left=$((end - SECONDS)) start=$SECONDS
    shift 4
    for need in $needs; do
        [[ $here == *" $need "* ]] || lacking+="${lacking:+, }$need"
    done
    printf '\n## %s\n\n' "$name"
    if [ -n "$lacking" ]; then
        echo "skipped: this machine lacks $lacking"
        note "$name" "skipped: lacks $lacking" -
        return
    fi
    if [ "$left" -lt 5 ]; then
        echo "not run: the ten minutes are over"
        note "$name" "**not run**: no time left" -
        return
    fi
    timeout --kill-after 5 "$((limit < left ? limit : left))" "$@"
    case $? in
        0) note "$name" passed $((SECONDS - start)) ;;
        3) note "$name" "**goal missed**" $((SECONDS - start)) ;;
        124 | 137) note "$name" "**stopped** at its limit of $limit s" $((SECONDS - start)) ;;
        *) note "$name" "**failed**" $((SECONDS - start)) ;;
    esac
}

test=(python3 -m pytest -q -p no:cacheprovider -m cuda)
kernels=(tests/losses/test_active_boundary_triton.py tests/geometry/test_distance_transform_triton.py)
echo "$description"

step "Triton kernels beside their references" 60 "cuda triton pytest monai nibabel" -- \
    "${test[@]}" "${kernels[@]}"
step "Losses and geometry, tests marked cuda" 100 "cuda pytest hypothesis monai nibabel" -- \
    "${test[@]}" tests/losses tests/geometry --ignore "${kernels[0]}" --ignore "${kernels[1]}" \
    -k "not compiles and not second_device"
step "Metrics, tests marked cuda" 30 "cuda pytest hypothesis monai ignite nibabel SimpleITK" -- \
    "${test[@]}" tests/metrics
step "torch.compile(fullgraph=True)" 70 "cuda pytest monai nibabel" -- \
    "${test[@]}" tests/losses/test_losses_on_cuda.py -k compiles
step "A second device" 30 "cuda second-device pytest monai nibabel" -- \
    "${test[@]}" tests/losses/test_losses_on_cuda.py -k second_device
step "Active boundary loss: eager, from a CUDA graph" 40 "cuda monai" -- \
    python3 scripts/gpu_timings.py abl
step "Share of a bf16 training step" 30 "cuda monai" -- python3 scripts/gpu_timings.py step
step "Distance transform beside CuPy" 45 "cuda monai cupy scipy" -- \
    python3 scripts/bench_edt.py --device cuda --repeats 10 \
    --sizes 8x2x256x256,2x2x128x128x64,2x19x512x1024
step "Losses beside MONAI's" 40 "cuda monai scipy" -- \
    python3 scripts/bench_losses.py --device cuda --repeats 5 --sizes 8x2x256x256
step "Paper preset, time of three losses" 100 "cuda monai ignite nibabel pydantic" -- \
    python3 scripts/gpu_timings.py epochs
step "compute-sanitizer" 45 "cuda triton compute-sanitizer monai" -- \
    env PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --error-exitcode 1 \
    python3 scripts/gpu_timings.py once

{
    printf '# GPU check\n\n%s\n\n' "$description"
    printf '| step | result | s |\n|---|---|---|\n'
    printf '%s\n' "${table[@]}"
} >"$out/summary.md"
printf '\n'
cat "$out/summary.md"
exit $failed
