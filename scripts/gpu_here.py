"""Prints what scripts/gpu_check.sh finds on this machine.

First a line of words, one for each thing that a step may need; then device and versions.
"""

import platform
import shutil
from importlib.util import find_spec

import torch

PACKAGES = ["monai", "ignite", "nibabel", "pydantic", "SimpleITK", "scipy", "triton", "cupy"]
TESTING = ["pytest", "hypothesis"]


def main() -> None:
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    words = [name for name in PACKAGES + TESTING if find_spec(name)]
    words += ["cuda"] * (devices > 0) + ["second-device"] * (devices > 1)
    words += ["compute-sanitizer"] * (shutil.which("compute-sanitizer") is not None)
    print(*words)
    device = torch.cuda.get_device_name() if devices else "no CUDA device"
    print(f"{device}; Python {platform.python_version()}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
