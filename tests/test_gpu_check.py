"""scripts/gpu_check.sh goes through all its steps, whatever one of them does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu_check.sh"
NEEDED = ("bash", "timeout", "tee")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}"
)


def check(out, interpreter_folder):
    path = f"{interpreter_folder}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "WHEELS": str(out / "no wheels")}
    done = subprocess.run(
        ["bash", SCRIPT, out], env=environment, capture_output=True, text=True, timeout=120
    )
    rows = (out / "summary.md").read_text(encoding="utf-8").splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows if row.startswith("|")]
    return done, {name: result for name, result, _ in cells[2:]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device would be put to work")
def test_without_a_device_every_step_is_skipped_by_name(tmp_path):
    done, results = check(tmp_path, Path(sys.executable).parent)
    assert done.returncode == 0, done.stdout
    assert len(results) > 8
    assert all(result.startswith("skipped: lacks cuda") for result in results.values())
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert all(f"## {name}" in log for name in results)


def test_a_step_that_fails_stops_no_other_and_decides_the_status(tmp_path):
    # An interpreter that finds a device, fails in pytest and misses the goals of the timings.
    stand_in = tmp_path / "bin" / "python3"
    stand_in.parent.mkdir()
    stand_in.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        '    "scripts/gpu_here.py ") echo "cuda triton pytest monai nibabel scipy cupy" ;;\n'
        '    "-m pytest") exit 1 ;;\n'
        "    scripts/gpu_timings.py*) exit 3 ;;\n"
        "esac\n"
    )
    stand_in.chmod(0o755)
    done, results = check(tmp_path, stand_in.parent)
    assert done.returncode == 1
    assert results["torch.compile(fullgraph=True)"] == "**failed**"
    assert results["Share of a bf16 training step"] == "**goal missed**"
    assert results["Distance transform beside CuPy"] == "passed"
    assert results["A second device"] == "skipped: lacks second-device"
