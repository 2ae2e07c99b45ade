#!/usr/bin/env bash
# All that needs a GPU, in under ten minutes: the tests marked `cuda`, then both benchmarks, whose
# Markdown tables belong into docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/env.sh

python - <<'PYTHON'
import sys

import torch

if not torch.cuda.is_available():
    sys.exit("gpu_check.sh needs a CUDA device and a PyTorch built for it; torch finds none.")
print(torch.cuda.get_device_name(), "- torch", torch.__version__)
PYTHON
timeout 240 pytest -m cuda -q
timeout 120 python scripts/bench_edt.py --device cuda --repeats 10 --markdown
timeout 200 python scripts/bench_losses.py --device cuda --repeats 10 --markdown
