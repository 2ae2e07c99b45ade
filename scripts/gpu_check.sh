#!/usr/bin/env bash
# All that needs a GPU, in under ten minutes: the tests marked `cuda`, then the benchmarks, whose
# tables belong into docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
# A machine that has what it takes, torch with CUDA above all, is used as it is.
if python -c 'import torch, monai, ignite, nibabel, edt, pytest, hypothesis' 2>/dev/null; then
    export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
else
    source scripts/env.sh
fi

python - <<'PYTHON'
import sys

import torch

if not torch.cuda.is_available():
    sys.exit("gpu_check.sh needs a CUDA device and a PyTorch built for it; torch finds none.")
print(torch.cuda.get_device_name(), "- torch", torch.__version__)
PYTHON
timeout 150 python -m pytest -m cuda -q
timeout 80 python scripts/bench_edt.py --device cuda --repeats 10 --markdown
timeout 130 python scripts/bench_losses.py --device cuda --repeats 10 --markdown
# Last, since it is the longest: the projected time of the whole comparison.
cohort=$(mktemp -d)
python -m medabl phantom "$cohort/phantom" --subjects 12
timeout 120 python scripts/bench_training.py --data "$cohort/phantom" --epochs 3 --set validation=2
rm -r "$cohort"
